//! What an audit says: for a lawyer, not for a programmer.
//!
//! One sentence a reason, found by the reason's stable name (`jobs/audit/finding.rs`); a test
//! holds the two together. Names of files, meters and entries stand beside the sentence.

use super::{Both, Lang, both};

messages! {
    audit_title(tenant: &str) { en: "AUDIT OF {tenant}", zh: "审计对象：{tenant}" }
    audit_root(hash: &str, digits: usize) {
        en: "Root {hash} ({digits} digits compared)",
        zh: "根密钥 {hash}（已核对 {digits} 位）",
    }
    audit_examined() { en: "EXAMINED", zh: "审计范围" }
    audit_files(files: usize, bytes: usize) {
        en: "{files} files, {bytes} bytes",
        zh: "文件 {files} 个，{bytes} 字节",
    }
    audit_documents(roots: usize, keysets: usize, documents: usize, receipts: usize) {
        en: "{roots} root documents, {keysets} keysets, {documents} tokens and grants, \
             {receipts} receipts",
        zh: "根文件 {roots} 份，密钥集 {keysets} 份，令牌与授权 {documents} 份，回执 {receipts} 份",
    }
    audit_journal(name: &str, entries: usize, packs: usize, covered: u64) {
        en: "journal {name}: {entries} entries in {packs} packs, countersigned up to {covered}",
        zh: "日志 {name}：{entries} 条，{packs} 包，后台已签收至第 {covered} 条",
    }
    audit_period(from: &str, to: &str) { en: "from {from} to {to}", zh: "自 {from} 至 {to}" }
    audit_reads(reads: usize, swaps: usize) {
        en: "{reads} meter readings by others, {swaps} swaps",
        zh: "第三方抄表 {reads} 条，换表 {swaps} 次",
    }
    audit_now(at: &str) { en: "as of {at}", zh: "审计时点 {at}" }
    audit_sums(unit: &str) { en: "SUMS, {unit}", zh: "合计，{unit}" }
    audit_issued() { en: "issued", zh: "已发行" }
    audit_settled() { en: "= settled", zh: "= 已到账" }
    audit_live() { en: "+ live", zh: "+ 在途" }
    audit_superseded() { en: "+ superseded", zh: "+ 已被替换" }
    audit_fenced() { en: "+ fenced", zh: "+ 已收回" }
    audit_disputed() { en: "+ disputed", zh: "+ 有争议" }
    audit_operators() { en: "OPERATORS", zh: "操作员" }
    audit_operator(name: &str, acts: usize, good: usize, refused: usize, unknown: usize) {
        en: "{name}: {acts} recharges, {good} accepted, {refused} refused, {unknown} unknown",
        zh: "{name}：充值 {acts} 次，到账 {good}，未到账 {refused}，结果未知 {unknown}",
    }
    audit_programs() { en: "SOFTWARE", zh: "软件" }
    audit_program(name: &str, entries: usize, digest: &str) {
        en: "{name}: {entries} entries, SHA-256 {digest}",
        zh: "{name}：{entries} 条，SHA-256 {digest}",
    }
    audit_checks() { en: "CHECKS", zh: "检查项" }
    audit_holds() { en: "holds", zh: "成立" }
    audit_broken() { en: "BROKEN", zh: "不成立" }
    audit_none() { en: "none", zh: "无此类" }
    audit_not_examined() { en: "not examined", zh: "未检查" }
    audit_note() { en: "note", zh: "提示" }
    audit_more(count: usize) { en: "and {count} more", zh: "另有 {count} 处" }
    audit_missing() { en: "COULD NOT BE EXAMINED", zh: "未能检查" }
    audit_trusted() { en: "TAKEN AS GIVEN", zh: "作为前提" }
    audit_trust_root() {
        en: "The root hash given on the command line is that of the deployment.",
        zh: "命令行给出的根密钥校验值确属本单位。",
    }
    audit_trust_devices() {
        en: "The handhelds' public keys are those the office enrolled: no signature says so.",
        zh: "掌机公钥即后台注册的公钥：此点无签名佐证。",
    }
    audit_trust_areas() {
        en: "Which meter lies in which area is not in the set: rights by area are not examined.",
        zh: "审计数据中没有电表所属辖区：按辖区授予的权限未检查。",
    }
    audit_verdict() { en: "VERDICT", zh: "结论" }
    audit_verdict_holds() {
        en: "The account HOLDS, as far as it could be examined.",
        zh: "在可检查的范围内，账目成立。",
    }
    audit_verdict_broken(checks: &str) {
        en: "The account DOES NOT HOLD. See {checks}.",
        zh: "账目不成立。见 {checks}。",
    }
    audit_verdict_empty() {
        en: "There is nothing to judge: no journal could be read.",
        zh: "无从判断：没有可读的日志。",
    }
    audit_unreadable(what: &str) {
        en: "The audit could not be made: {what}",
        zh: "无法进行审计：{what}",
    }
}

/// What a check is about, by its code.
pub fn check(code: &str) -> Both {
    match code {
        "A01" => both("Root keys, thresholds, keysets", "根密钥、签名门限与密钥集"),
        "A02" => both("Every token is genuine", "每个令牌真实有效"),
        "A03" => both("Journals are whole, signed, countersigned", "日志完整、有签名、已签收"),
        "A04" => both("Every recharge: intent, read-back, rights", "每次充值：意图、回读、权限"),
        "A05" => both("Steps and amounts of every meter", "每块电表的购电次数与金额"),
        "A06" => both("Issued equals what became of it", "发行总额等于各项去向之和"),
        "A07" => both("No handheld has two journals", "没有掌机存在两本日志"),
        "A08" => both("Time runs forward", "时间不倒流"),
        "A09" => both("No recharge is left open", "没有久悬未决的充值"),
        "A10" => both("Swaps conserve value", "换表前后金额守恒"),
        "A11" => both("Operators' failures", "操作员的失败比例"),
        "A12" => both("Known software wrote the journals", "日志由已知软件写成"),
        _ => both("?", "?"),
    }
}

/// What could not be examined, by its stable name.
pub fn missing(name: &str) -> Both {
    match name {
        "authority" => both(
            "Nothing could be verified: root documents or keysets are missing or do not hold.",
            "无法验证任何内容：根文件或密钥集缺失或不成立。",
        ),
        "journals" => both("There are no journals.", "没有日志。"),
        "receipts" => both(
            "Nobody countersigned this journal: its end may be cut off.",
            "此日志无后台签收：其末尾可能被截断。",
        ),
        "reads" => both(
            "No meter readings by others: the meters are seen through the handhelds alone.",
            "没有第三方抄表数据：电表情况仅来自掌机。",
        ),
        "ledger" => both(
            "The office's book (ledger.csv) is not there: it is not compared.",
            "没有后台账册（ledger.csv）：未作比对。",
        ),
        "software" => both(
            "No list of allowed software (software.csv): names and hashes are only listed.",
            "没有许可软件清单（software.csv）：软件名称与校验值仅列出。",
        ),
        "rows" => both("A row of a table cannot be read.", "表格中有一行无法读取。"),
        _ => both("?", "?"),
    }
}

/// What a finding means, by its reason's stable name.
pub fn reason(name: &str) -> Option<Both> {
    ROWS.iter().find(|(known, _)| *known == name).map(|(_, words)| *words)
}

const ROWS: &[(&str, Both)] = &[
    ("root-hash", both("This is another root than the one given.", "根密钥与给定的不一致。")),
    ("root-missing", both("A root document is missing.", "缺少根文件。")),
    ("root-chain", both("A root document lacks signatures.", "根文件签名不足或无效。")),
    ("root-twice", both("One root version has two contents.", "同一版本根文件有两种内容。")),
    ("keyset-missing", both("There is no keyset that holds.", "没有有效的密钥集。")),
    ("keyset-bad", both("No root stands behind this keyset.", "密钥集没有根密钥的签名。")),
    ("keyset-twice", both("One keyset version has two contents.", "同一版本密钥集有两种内容。")),
    ("keyset-order", both("Keyset versions do not follow time.", "密钥集版本与签发时间顺序不符。")),
    ("keyset-gap", both("A keyset version is not here.", "缺少某一版本的密钥集。")),
    ("version-back", both("A handheld took in an older version.", "掌机接受了更旧的版本。")),
    ("token-bad", both("This document is not genuine.", "该文件不真实或无效。")),
    ("token-twin", both("Two documents carry one identity.", "两份文件使用同一编号。")),
    ("token-facts", both("The journal misquotes the token.", "日志所记与令牌内容不符。")),
    ("token-device", both("The token was another handheld's.", "令牌属于另一台掌机。")),
    ("token-other", both("This is no token.", "这不是令牌。")),
    ("key-missing", both("The handheld's key is not known.", "缺少掌机公钥。")),
    ("pack-bad", both("The handheld did not sign this as it is.", "日志包签名无效或内容损坏。")),
    ("pack-other", both("This belongs to another journal.", "此包属于另一本日志。")),
    ("chain-broken", both("The chain of entries is broken.", "日志链条断裂。")),
    ("chain-gap", both("Entries are missing.", "缺少日志条目。")),
    ("entry-bad", both("An entry cannot be read.", "日志条目无法读取。")),
    ("start-bad", both("It does not begin with the enrolment.", "日志不以注册开头。")),
    ("receipt-bad", both("This receipt is not genuine.", "该回执不真实或无效。")),
    ("checkpoint", both("The office countersigned another journal.", "后台签收的是另一份日志。")),
    (
        "cut-short",
        both("The office countersigned more than is here.", "后台签收的条目多于现有日志。"),
    ),
    ("not-covered", both("The office has not countersigned the end.", "末尾条目尚未经后台签收。")),
    ("receipt-gap", both("Receipts are missing.", "缺少回执。")),
    ("tail-cut", both("A torn entry was cut off at start-up.", "开机时截去了残缺条目。")),
    ("no-intent", both("An outcome without an intent before it.", "有结果而此前没有意图记录。")),
    ("intent-facts", both("The recharge was not what the token says.", "充值内容与令牌不符。")),
    ("preflight", both("The meter did not stand where it must.", "充值前电表状态与令牌不符。")),
    ("meter-busy", both("Another recharge was still open.", "该表另有一次充值未决。")),
    ("not-imported", both("The token had not been taken in before.", "令牌在使用前未导入。")),
    ("read-back", both("Accepted, but the evidence denies it.", "记为已到账，但回读证据不支持。")),
    (
        "denied",
        both("Not accepted, but the evidence denies that.", "记为未到账，但回读证据不支持。"),
    ),
    ("resend-bad", both("Sent again without proof that it may be.", "没有依据即重发。")),
    ("out-of-time", both("Used outside its time.", "在有效期之外使用。")),
    (
        "taken-back",
        both("Used after it was used up or taken back.", "令牌已用过或已收回后又被使用。"),
    ),
    ("no-log-in", both("Nobody was logged in.", "无人登录时操作。")),
    ("no-grant", both("The operator was not allowed to.", "操作员无此权限。")),
    ("override-bad", both("The override does not allow this.", "特批不允许此操作。")),
    ("weak", both("Accepted on the balance alone.", "仅凭剩余金额判定到账。")),
    ("hidden", both("Later purchases hide the record.", "后续购电遮住了该次记录。")),
    ("other-decision", both("The evidence says it otherwise.", "证据得出另一种判定。")),
    ("step-twice", both("One step was settled twice.", "同一购电次数入账两次。")),
    ("step-gap", both("Nobody knows who took these steps.", "有购电次数去向不明。")),
    ("record-amount", both("The meter recorded another amount.", "电表记录的金额不同。")),
    ("read-behind", both("The meter shows less than was settled.", "电表购电次数少于入账次数。")),
    ("read-ahead", both("The meter shows more than was issued.", "电表购电次数多于发行次数。")),
    ("token-unknown", both("A token was used that was not issued.", "使用了未发行的令牌。")),
    ("seq-gap", both("Issued tokens are missing.", "缺少已发行的令牌。")),
    ("seq-twice", both("One issue number was given twice.", "同一发行序号出现两次。")),
    ("both-ways", both("It is in the meter and was taken back.", "既已到账又被收回。")),
    ("ledger-state", both("The office's book says otherwise.", "后台账册所记状态不同。")),
    ("ledger-amount", both("The office's book has another amount.", "后台账册所记金额不同。")),
    ("ledger-tokens", both("Book and tokens do not match.", "后台账册与令牌对不上。")),
    ("ledger-decided", both("A person decided otherwise.", "人工裁定与日志不同。")),
    ("fork", both("One handheld wrote two journals.", "同一掌机有两本不同日志。")),
    ("receipt-twice", both("One receipt number has two contents.", "同一回执号有两种内容。")),
    ("backwards", both("Time ran backwards.", "时间倒流。")),
    ("ahead-of-office", both("The handheld was ahead of the office.", "掌机时间快于后台。")),
    ("meter-clock", both("The meter's clock is off.", "电表时钟有偏差。")),
    ("open-old", both("A recharge was left open for too long.", "充值久悬未决。")),
    ("open-new", both("A recharge is open.", "充值尚未有结果。")),
    ("disputed", both("A recharge is disputed.", "充值有争议。")),
    ("swap-sum", both("What left the old meter did not arrive.", "旧表转出与新表转入不等。")),
    ("swap-missing", both("Value was carried over from nowhere.", "结转金额没有来源。")),
    ("swap-twice", both("One swap stands twice.", "同一换表记录重复。")),
    ("swap-token", both("The swap has no token of its own.", "换表没有对应的令牌。")),
    ("swap-old", both("A meter that was swapped out was credited.", "已换下的电表又被充值。")),
    ("swap-leave", both("A leg of a swap went beyond its leave.", "换表的一笔超出了后台的许可。")),
    (
        "swap-transit",
        both(
            "Taken out of the old meter, not credited to the new.",
            "已从旧表转出，尚未转入新表。",
        ),
    ),
    (
        "swap-advance",
        both("Credited for a meter that could not be emptied.", "旧表无法转出，先行垫付了金额。"),
    ),
    ("ratio", both("Too many of the operator's recharges failed.", "操作员失败比例过高。")),
    ("software-none", both("Money was moved by an unnamed program.", "未记明软件即进行充值。")),
    ("software-other", both("A program that is not on the list.", "软件不在许可清单中。")),
];

impl Lang {
    /// The word for how a check ended, by its stable name.
    pub fn audit_status(self, name: &str) -> &'static str {
        match name {
            "holds" => self.audit_holds(),
            "broken" => self.audit_broken(),
            "none" => self.audit_none(),
            _ => self.audit_not_examined(),
        }
    }

    /// The word for a class of the sum, by its stable name.
    pub fn audit_class(self, name: &str) -> &'static str {
        match name {
            "settled" => self.audit_settled(),
            "live" => self.audit_live(),
            "superseded" => self.audit_superseded(),
            "fenced" => self.audit_fenced(),
            _ => self.audit_disputed(),
        }
    }
}

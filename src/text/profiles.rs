//! Meter profiles: what is wrong with a file, and what is only doubtful.

messages! {
    profile_syntax(words: &str) {
        en: "this is not TOML: {words}",
        zh: "不是有效的TOML：{words}",
    }
    profile_too_long(most: &str) {
        en: "the file is longer than {most} bytes",
        zh: "文件超过 {most} 字节",
    }
    profile_missing(expected: &str) {
        en: "is missing; should be {expected}",
        zh: "缺少此项，应为：{expected}",
    }
    profile_unknown_key(expected: &str) {
        en: "nobody knows this key; known here: {expected}",
        zh: "未知的键，此处可用：{expected}",
    }
    profile_wrong(expected: &str) {
        en: "cannot be; should be {expected}",
        zh: "取值无效，应为：{expected}",
    }
    profile_not_here(protocol: &str) {
        en: "does not go with {protocol}",
        zh: "不适用于 {protocol}",
    }
    profile_twice(line: &str) {
        en: "is there already, in line {line}",
        zh: "与第 {line} 行重复",
    }
    profile_no_such_item() {
        en: "no [[item]] has this name",
        zh: "没有这个名称的 [[item]]",
    }
    profile_money() {
        en: "can carry money: only a recharge token moves money, and no bundle writes this",
        zh: "该项可能涉及金额：金额只能凭充值令牌变动，参数包不得写入",
    }
    profile_id_taken() {
        en: "another profile has this id; to take a built-in one's place, add: replaces = the id",
        zh: "该id已被占用；如需替换内置表型，请加上 replaces = 该id",
    }
    profile_unknown_name() {
        en: "has no words of its own and no place on the card: shown as it is written",
        zh: "不是已知名称，按原样显示",
    }
    profile_same_place(with: &str) {
        en: "is where {with} is, too",
        zh: "与 {with} 位置相同",
    }
    profile_overlap(with: &str) {
        en: "shares registers with {with}",
        zh: "与 {with} 的寄存器重叠",
    }
    profile_not_in_tables() {
        en: "is not in the protocol's tables and has no form: shown as hex",
        zh: "协议表中没有此标识且未给出form，按十六进制显示",
    }
    profile_unsure(confidence: &str, code: &str) {
        en: "is written to the meter on confidence {confidence}, below B: a recharge is refused \
             with {code} until unproven_writes in config.toml names this profile; hold it \
             against the maker's document first",
        zh: "写入电表的内容可信度为 {confidence}，低于B：config.toml 的 unproven_writes 未列入\
             此表型时，充值将被拒绝（{code}）；请先与厂家资料核对",
    }
    profile_money_incomplete(rows: &str, code: &str) {
        en: "is not complete: {rows} missing. Reading works; a recharge is refused with {code}",
        zh: "不完整，缺少：{rows}。可以抄表，充值将被拒绝（{code}）",
    }
    profile_no_money(code: &str) {
        en: "is not there. Reading works; a recharge is refused with {code}",
        zh: "没有此节。可以抄表，充值将被拒绝（{code}）",
    }
    bundle_good(name: &str, version: u32, items: usize) {
        en: "{name} v{version}: good. {items} items.",
        zh: "{name} v{version}：可用。参数 {items} 项。",
    }
    bundle_taken() { en: "taken in", zh: "已导入" }
    bundle_known() { en: "already here", zh: "此前已导入" }
    profile_line(line: usize) { en: "line {line}", zh: "第 {line} 行" }
    profile_fault() { en: "WRONG", zh: "错误" }
    profile_doubt() { en: "note", zh: "提示" }
    profile_good(id: &str, items: usize, doubts: usize) {
        en: "{id}: good. {items} items, {doubts} notes.",
        zh: "{id}：可用。读数项 {items} 个，提示 {doubts} 条。",
    }
    profile_bad(faults: usize, doubts: usize) {
        en: "Not usable: {faults} wrong, {doubts} notes.",
        zh: "不可用：错误 {faults} 处，提示 {doubts} 条。",
    }
    profile_skipped(file: &str) {
        en: "{file} cannot be used: see 'meterkit profile check'",
        zh: "{file} 不可用：请运行 meterkit profile check",
    }
    profile_relay_refused(why: &str) {
        en: "relay commands are refused: {why}",
        zh: "不发送继电器命令：{why}"
    }
    profile_read_only() { en: "read only", zh: "只读" }
    profile_unproven() { en: "unproven", zh: "未证实" }
    profile_recharge() { en: "recharge", zh: "可充值" }
    profile_built_in() { en: "built in", zh: "内置" }
}

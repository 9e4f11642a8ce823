//! Words for people and what they may do: logging in and out, PINs, roles, the shift.

use super::Lang;
use crate::units::{Role, Verb};

messages! {
    // Log-in.
    title_log_in() { en: "Log in", zh: "登录" }
    log_in_operator() { en: "Operator", zh: "工号" }
    log_in_pin() { en: "PIN", zh: "PIN" }
    log_in_asking() { en: "Checking the PIN ...", zh: "正在核对PIN ..." }
    log_in_leaving() { en: "Locking ...", zh: "正在锁定 ..." }
    log_in_left(n: u32) { en: "Tries left: {n}", zh: "还可试 {n} 次" }
    log_in_wait(time: &str) { en: "! Wait {time}.", zh: "! 请等待 {time}。" }
    log_in_recovery() {
        en: "F2: log in with a recovery code of the office.",
        zh: "按F2，用后台给的恢复码登录。"
    }
    log_in_plain_secret() {
        en: "! This handheld's own key lies in a plain file: guard it well; choose long PINs.",
        zh: "! 本掌机的密钥存放在普通文件中，请妥善保管，PIN宜长。"
    }
    log_in_demo(hint: &str) { en: "Demo: {hint}", zh: "演示：{hint}" }
    locks_soon() { en: "! Locks in 30 s. A key keeps it open.", zh: "! 30秒后锁定，按任意键继续使用。" }
    locked_idle() { en: "! Locked: nobody pressed a key.", zh: "! 长时间无操作，已锁定。" }
    wait_seconds(n: u64) { en: "{n} s", zh: "{n} 秒" }
    wait_minutes(n: u64, s: u64) { en: "{n} min {s} s", zh: "{n} 分 {s} 秒" }

    // PINs and codes.
    title_pin() { en: "PIN", zh: "PIN" }
    title_recover() { en: "Recovery code", zh: "恢复码" }
    title_activate() { en: "First log-in", zh: "首次登录" }
    title_change_pin() { en: "Change my PIN", zh: "修改我的PIN" }
    pin_recover_ask() {
        en: "Type the recovery code the office read out, and a new PIN. Each code works once.",
        zh: "请输入后台告知的恢复码和新PIN。每个恢复码只能用一次。"
    }
    pin_activate_ask(who: &str) {
        en: "{who}: type the activation code of the office and choose a PIN. Nobody else should \
             see it.",
        zh: "{who}：请输入后台给的激活码，并自设PIN，勿让他人看到。"
    }
    pin_change_ask() {
        en: "Your present PIN, then a new one, twice.",
        zh: "请输入当前PIN，再输入两次新PIN。"
    }
    pin_rules() {
        en: "6 characters or more, supervisors 8; no 111111, no 123456.",
        zh: "至少6位，主管至少8位；不能用111111、123456之类。"
    }
    pin_letters() {
        en: "Letters on a keypad: 2, then the right arrow: A, B, C.",
        zh: "用数字键输入字母：按2，再按右键依次为A、B、C。"
    }
    pin_activation_code() { en: "Code", zh: "激活码" }
    pin_recovery_code() { en: "Code", zh: "恢复码" }
    pin_old() { en: "Present PIN", zh: "当前PIN" }
    pin_new() { en: "New PIN", zh: "新PIN" }
    pin_again() { en: "Once more", zh: "再输一次" }
    pin_differ() { en: "The two new PINs differ.", zh: "两次输入的新PIN不一致。" }
    pin_asking() { en: "Setting the PIN ...", zh: "正在设置PIN ..." }
    pin_done() { en: "OK: the PIN is set.", zh: "OK：PIN已设置。" }

    // People.
    title_people() { en: "People", zh: "人员" }
    people_none() {
        en: "Nobody else yet. Grants come from the office with a sync.",
        zh: "尚无其他人员。授权随同步从后台下发。"
    }
    people_you() { en: "you", zh: "本人" }
    people_active() { en: "OK can log in", zh: "OK 可登录" }
    people_inactive() { en: "- no PIN yet", zh: "- 未设PIN" }
    people_locked() { en: "X locked", zh: "X 已锁定" }
    people_expired() { en: "! expired", zh: "! 授权已过期" }
    people_activate_hint() {
        en: "Enter: first log-in, with the code of the office.",
        zh: "按Enter，用后台给的激活码首次登录。"
    }
    people_locked_hint() {
        en: "Ten wrong PINs. A supervisor can end it.",
        zh: "PIN连续输错十次。可由主管解锁。"
    }
    title_supervise() { en: "Log-in of another", zh: "他人登录管理" }
    supervise_free(who: &str) {
        en: "End the lock-out of {who}? Ask first whose hands typed ten wrong PINs.",
        zh: "解除 {who} 的锁定？请先问清是谁连续输错了十次PIN。"
    }
    supervise_remove(who: &str) {
        en: "Take the log-in of {who} away from this handheld? The PIN is forgotten; the grant \
             stays until the office revokes it.",
        zh: "取消 {who} 在本掌机的登录？其PIN将被清除，授权在后台吊销之前仍然存在。"
    }
    supervise_note() {
        en: "It is recorded under your name.",
        zh: "此操作会以您的名义记录。"
    }
    supervise_freed() { en: "OK: the lock-out is ended.", zh: "OK：已解锁。" }
    supervise_removed() { en: "OK: the log-in is taken away.", zh: "OK：已取消登录。" }

    // Log-out and shift.
    title_log_out() { en: "Log out?", zh: "退出登录？" }
    log_out_note() {
        en: "The store is locked until somebody logs in again. Nothing is lost.",
        zh: "存储将锁定，直到再次登录。不会丢失任何数据。"
    }
    log_out_ask() { en: "Enter logs out, Esc stays.", zh: "Enter退出登录，Esc留下。" }
    title_summary() { en: "Shift summary", zh: "班次小结" }
    summary_shift_end() { en: "! The shift is over: logged out.", zh: "! 班次已结束，已退出登录。" }
    summary_asked() { en: "OK logged out.", zh: "OK 已退出登录。" }
    summary_reads() { en: "Meters read", zh: "读表" }
    summary_accepted() { en: "Accepted", zh: "已到账" }
    summary_refused() { en: "Refused", zh: "未到账" }
    summary_unknown() { en: "Unknown", zh: "结果未知" }
    summary_sum() { en: "Sum", zh: "合计" }
    summary_unsynced() { en: "To sync", zh: "待同步" }
    summary_all_synced() { en: "OK: the office has everything.", zh: "OK：后台已收到全部记录。" }
    summary_sync(n: u64) {
        en: "! The office does not know of {n} entries yet. Log in where there is a network and \
             sync.",
        zh: "! 还有 {n} 条记录后台尚未收到。请到有网络的地方登录并同步。"
    }
    summary_checkpoint() {
        en: "Checkpoint of the journal: photograph or print it.",
        zh: "日志检查点：请拍照或打印留存。"
    }
    checkpoint_at(device: &str, seq: u64, hash: &str) {
        en: "Journal {device}, {seq} entries, chain {hash}",
        zh: "日志 {device}，共 {seq} 条，链值 {hash}"
    }
    checkpoint_sums(applied: &str, out: &str) {
        en: "Credited in the shift {applied}, still out {out}",
        zh: "本班已充 {applied}，在途 {out}"
    }
    summary_kept() {
        en: "! Still kept on (keep-power), whatever their balance:",
        zh: "! 仍处于保电状态："
    }
    summary_open(n: u32) {
        en: "? Recharges without a known outcome: {n}. They stay under \"What happened?\".",
        zh: "? 结果未知的充值：{n} 笔，保留在「情况查明」中。"
    }

    // Roles.
    role_recharge() { en: "recharge", zh: "充值员" }
    role_finance() { en: "finance", zh: "财务员" }
    role_field() { en: "field", zh: "运维员" }
    role_installer() { en: "installer", zh: "安装员" }
    role_auditor() { en: "auditor", zh: "审计员" }
    role_supervisor() { en: "supervisor", zh: "主管" }

    // What may be done.
    verb_read() { en: "read", zh: "读表" }
    verb_recharge() { en: "recharge", zh: "充值" }
    verb_import() { en: "import", zh: "导入令牌" }
    verb_control() { en: "control", zh: "拉合闸" }
    verb_parameters() { en: "parameters", zh: "参数设置" }
    verb_commission() { en: "commission", zh: "开通" }
    verb_swap() { en: "swap", zh: "换表" }
    verb_account() { en: "account", zh: "开销户" }
    verb_refund() { en: "refund", zh: "退费" }
    verb_supervise() { en: "supervise", zh: "人员管理" }
}

impl Lang {
    /// The word for a role.
    pub fn role(self, role: Role) -> &'static str {
        match role {
            Role::Recharge => self.role_recharge(),
            Role::Finance => self.role_finance(),
            Role::Field => self.role_field(),
            Role::Installer => self.role_installer(),
            Role::Auditor => self.role_auditor(),
            Role::Supervisor => self.role_supervisor(),
        }
    }

    /// The word for what may be done.
    pub fn verb(self, verb: Verb) -> &'static str {
        match verb {
            Verb::Read => self.verb_read(),
            Verb::Recharge => self.verb_recharge(),
            Verb::Import => self.verb_import(),
            Verb::Control => self.verb_control(),
            Verb::Parameters => self.verb_parameters(),
            Verb::Commission => self.verb_commission(),
            Verb::Swap => self.verb_swap(),
            Verb::Account => self.verb_account(),
            Verb::Refund => self.verb_refund(),
            Verb::Supervise => self.verb_supervise(),
        }
    }

    /// What a role has no right to, as failures name it: `field: refund`. Anything else as it is.
    pub fn forbidden(self, detail: &str) -> String {
        let named = |text: &str| {
            let (role, verb) = text.split_once(": ")?;
            let (role, verb) = (role.parse().ok()?, verb.parse().ok()?);
            Some(format!("{}: {}", self.role(role), self.verb(verb)))
        };
        named(detail).unwrap_or_else(|| detail.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_role_may_not_do_is_said_in_words() {
        assert_eq!(Lang::Zh.forbidden("field: refund"), "运维员: 退费");
        assert_eq!(Lang::En.forbidden("field: refund"), "field: refund");
        assert_eq!(Lang::Zh.forbidden("000000000047"), "000000000047");
    }
}

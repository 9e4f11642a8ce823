//! Words for how far the office's trust reaches, and for the limits of what may happen before the
//! office has heard of it.

messages! {
    title_trust() { en: "Trust, limits", zh: "信任与限额" }
    standing_fresh() { en: "OK normal", zh: "OK 正常" }
    standing_warn() { en: "! sync soon", zh: "! 请尽快同步" }
    standing_read_only() { en: "X low limits", zh: "X 低限额" }
    standing_no_money() { en: "X no recharging", zh: "X 停止充值" }
    sign_low() { en: "!LOW", zh: "!低限" }
    trust_fresh() {
        en: "Everything works; the office's word is fresh.",
        zh: "一切可用，后台的状态确认在有效期内。"
    }
    trust_warn() {
        en: "Everything works still. Sync soon, so that it stays so.",
        zh: "目前一切可用。请尽快同步，以免受限。"
    }
    trust_read_only() {
        en: "Reading, syncing, and recharges within the lower limits work. Nothing else is \
             written to meters.",
        zh: "可读表、同步，并可在低限额内充值；不再向电表写入其他内容。"
    }
    trust_no_money() {
        en: "Reading and syncing work. Nothing is written to meters and no money moves.",
        zh: "可读表和同步；不向电表写入，不动用任何金额。"
    }
    trust_until() { en: "Valid until", zh: "有效期至" }
    trust_unknown() { en: "no status yet", zh: "尚无状态确认" }
    trust_why() { en: "Why", zh: "原因" }
    trust_device() { en: "Not synced: this handheld", zh: "未同步：本掌机" }
    trust_operator() { en: "Not synced: by you", zh: "未同步：本人" }
    trust_columns_now() { en: "now", zh: "当前" }
    trust_columns_soft() { en: "warns at", zh: "预警" }
    trust_columns_hard() { en: "at most", zh: "上限" }
    limit_acts() { en: "Recharges", zh: "充值笔数" }
    limit_yuan() { en: "CNY", zh: "金额（元）" }
    limit_kwh() { en: "kWh", zh: "电量kWh" }
    limit_age() { en: "Oldest", zh: "最早一笔" }
    limit_none() { en: "none", zh: "不限" }
    trust_you() { en: "Logged in", zh: "登录人员" }
    trust_role() { en: "Role", zh: "角色" }
    trust_may() { en: "May", zh: "权限" }
    trust_areas() { en: "Areas", zh: "辖区" }
    trust_all_areas() { en: "all", zh: "全部" }
    trust_ends() { en: "Shift until", zh: "班次至" }
    trust_device_name() { en: "Handheld", zh: "掌机" }

    // Home.
    left_acts(used: u32, most: i64) {
        en: "offline: {used}/{most} acts",
        zh: "离线：{used}/{most} 笔"
    }
    left_acts_free(used: u32) { en: "offline: {used} acts", zh: "离线：{used} 笔" }
    left_sum(used: &str, most: &str, unit: &str) {
        en: "{used}/{most} {unit}",
        zh: "{used}/{most} {unit}"
    }
    left_oldest(age: &str) { en: "oldest {age}", zh: "最早 {age}" }
    home_until(at: &str) { en: "until {at}", zh: "有效期至 {at}" }
    home_ended(at: &str) { en: "ended {at}", zh: "已于 {at} 到期" }
    home_next(text: &str) { en: "> {text}", zh: "> {text}" }
    span_seconds(n: i64) { en: "{n} s", zh: "{n} 秒" }
    span_minutes(n: i64) { en: "{n} min", zh: "{n} 分钟" }
    span_hours(n: i64) { en: "{n} h", zh: "{n} 小时" }
    span_days(n: i64) { en: "{n} d", zh: "{n} 天" }

    // Before a recharge.
    after_this() { en: "Then left", zh: "此后剩余" }
    after_acts(n: i64) { en: "{n} recharges", zh: "{n} 笔" }
    after_none() { en: "! over the limit: sync first", zh: "! 超出限额，请先同步" }
}

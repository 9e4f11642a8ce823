//! Short words: names of figures, states, kinds of entries, signs. Columns are narrow: the tests
//! of the screens check their cells.

messages! {
    // How long ago.
    age_now() { en: "just now", zh: "刚刚" }
    age_future() { en: "in the future", zh: "时间在未来" }
    age_seconds(n: i64) { en: "{n} s ago", zh: "{n} 秒前" }
    age_minutes(n: i64) { en: "{n} min ago", zh: "{n} 分钟前" }
    age_hours(n: i64) { en: "{n} h ago", zh: "{n} 小时前" }
    age_days(n: i64) { en: "{n} days ago", zh: "{n} 天前" }
    never() { en: "never", zh: "从未" }
    elapsed(n: u64) { en: "{n} s", zh: "{n} 秒" }

    // Signs in the title row.
    sign_busy() { en: "LINE", zh: "通信中" }
    sign_syncing() { en: "SYNC", zh: "同步中" }
    sign_open(n: usize) { en: "?{n}", zh: "?{n}" }
    sign_stopped() { en: "!STOP", zh: "!停充" }
    sign_demo() { en: "DEMO", zh: "演示" }

    // Figures of a meter.
    fact_number() { en: "Meter no.", zh: "表号" }
    fact_customer() { en: "Customer", zh: "客户" }
    fact_location() { en: "Location", zh: "位置" }
    fact_account() { en: "Customer no.", zh: "客户编号" }
    fact_profile() { en: "Profile", zh: "表型" }
    fact_balance_yuan() { en: "Balance", zh: "剩余金额" }
    fact_balance_kwh() { en: "Balance", zh: "剩余电量" }
    fact_overdraft() { en: "Overdraft", zh: "透支" }
    fact_count() { en: "Purch. count", zh: "购电次数" }
    fact_energy() { en: "Energy", zh: "正向有功" }
    fact_voltage() { en: "Voltage", zh: "电压" }
    fact_current() { en: "Current", zh: "电流" }
    fact_power() { en: "Power", zh: "有功功率" }
    fact_clock() { en: "Clock", zh: "电表时钟" }
    fact_drift() { en: "Clock drift", zh: "时钟偏差" }
    fact_load() { en: "Load", zh: "负载" }
    fact_alarms() { en: "Alarms", zh: "告警" }
    fact_missing() { en: "Not given", zh: "未提供" }
    fact_read() { en: "Read", zh: "读表时间" }
    fact_took(ms: u64) { en: "{ms} ms", zh: "{ms} 毫秒" }
    fact_line() { en: "Line", zh: "线路" }
    fact_address() { en: "Bus address", zh: "总线地址" }
    fact_box() { en: "Box", zh: "终端" }
    column_box() { en: "Box", zh: "终端" }
    column_users() { en: "Users", zh: "用户" }
    box_user(name: &str, user: u8) { en: "{name}, user {user}", zh: "{name}，用户 {user}" }
    fact_tokens() { en: "Tokens", zh: "令牌" }
    fact_journal() { en: "Journal", zh: "日志" }
    fact_amount() { en: "Amount", zh: "充值" }
    fact_after() { en: "After", zh: "充值后" }
    fact_before() { en: "Before", zh: "充值前" }
    fact_last_buy() { en: "Last purch.", zh: "上次购电" }
    fact_valid_until() { en: "Valid until", zh: "有效期至" }
    fact_token() { en: "Token", zh: "令牌" }
    fact_state() { en: "State", zh: "状态" }
    fact_entry() { en: "Entry", zh: "日志号" }
    fact_detail() { en: "Detail", zh: "明细" }
    fact_office() { en: "Office", zh: "后台" }
    fact_act() { en: "For", zh: "用途" }
    fact_code() { en: "Code", zh: "代码" }
    count_step(before: u32, after: u32) { en: "{before} -> {after}", zh: "{before} -> {after}" }
    count_at(act: &str, n: u32) { en: "{act} at {n}", zh: "第 {n} 次时{act}" }
    count_times(n: u32) { en: "{n}", zh: "第 {n} 次" }

    // States.
    relay_closed() { en: "connected", zh: "已合闸" }
    relay_open() { en: "X cut off", zh: "X 已拉闸" }
    alarms_none() { en: "OK none", zh: "OK 无" }
    drift_none() { en: "OK, exact", zh: "OK 无偏差" }
    drift_ahead(s: i64) { en: "{s} s ahead", zh: "快 {s} 秒" }
    drift_behind(s: i64) { en: "{s} s behind", zh: "慢 {s} 秒" }
    token_ready() { en: "ready", zh: "可用" }
    token_not_yet() { en: "not yet", zh: "未生效" }
    token_expired() { en: "expired", zh: "已过期" }
    token_open() { en: "unknown", zh: "结果未知" }
    token_accepted() { en: "in meter", zh: "已到账" }
    token_raced() { en: "step taken", zh: "次数被占" }
    token_disputed() { en: "disputed", zh: "后台裁定" }
    token_withdrawn() { en: "withdrawn", zh: "已撤回" }
    network_untried() { en: "not tried yet", zh: "尚未尝试" }
    network_up() { en: "OK reached", zh: "OK 已连通" }
    network_down() { en: "X not reached", zh: "X 连不上" }
    acked() { en: "the office has it", zh: "后台已确认" }
    not_acked() { en: "waits for sync", zh: "等待同步" }
    same() { en: "= same", zh: "= 一致" }

    // What a money act does.
    act_recharge() { en: "recharge", zh: "充值" }
    act_refund() { en: "refund", zh: "退费" }
    act_carry_in() { en: "carry in", zh: "转入" }
    act_carry_out() { en: "carry out", zh: "转出" }
    act_open() { en: "opening", zh: "开户" }
    act_reversal() { en: "reversal", zh: "冲正" }

    // Kinds of journal entries.
    kind_enrolled() { en: "enrolled", zh: "掌机注册" }
    kind_imported() { en: "token import", zh: "令牌导入" }
    kind_withdrawn() { en: "withdrawal", zh: "令牌撤回" }
    kind_reading() { en: "meter read", zh: "读表" }
    kind_refused() { en: "refused", zh: "拒绝执行" }
    kind_intent() { en: "about to send", zh: "准备发送" }
    kind_resend() { en: "sending again", zh: "再次发送" }
    kind_outcome() { en: "outcome", zh: "充值结果" }
    kind_anchor() { en: "office time", zh: "后台时间" }
    kind_receipt() { en: "receipt", zh: "回执" }
    kind_resolved() { en: "settled", zh: "后台裁定" }
    kind_logged_in() { en: "log-in", zh: "登录" }
    kind_logged_out() { en: "log-out", zh: "退出登录" }
    kind_pin() { en: "PIN set", zh: "PIN变更" }
    kind_grant() { en: "grant", zh: "操作员授权" }
    kind_override() { en: "override", zh: "特批授权" }
    kind_override_used() { en: "override used", zh: "使用特批" }
    kind_document() { en: "office paper", zh: "后台文件" }
    kind_revoked() { en: "revoked", zh: "吊销" }
    kind_software() { en: "new version", zh: "程序更新" }
    kind_step() { en: "step", zh: "作业步骤" }
    kind_marked() { en: "marked", zh: "标记" }
    kind_round() { en: "office round", zh: "后台抄表" }
    kind_bundle() { en: "bundle", zh: "参数包" }
    kind_unproven() { en: "not proven", zh: "未证实写表" }
    kind_swap_taken() { en: "swap leave", zh: "换表授权" }
    kind_swap_fixed() { en: "swap amount", zh: "换表定额" }
    kind_cut() { en: "torn end cut", zh: "残尾截除" }

    // Stable details of entries.
    detail_voided() { en: "voided", zh: "已作废" }
    detail_settled() { en: "settled", zh: "已核销" }
    detail_superseded() { en: "superseded", zh: "已被替代" }
    detail_recharged(at: &str) { en: "the office recharged it on {at}", zh: "后台已于 {at} 充值" }
    detail_booked() { en: "it is in the meter", zh: "认定已到账" }
    detail_not_booked() { en: "it is not in the meter", zh: "认定未到账" }
    detail_items(n: &str) { en: "{n} figures", zh: "{n} 项数据" }
    detail_bytes(n: &str) { en: "{n} bytes", zh: "{n} 字节" }
    detail_asked() { en: "by hand", zh: "手动" }
    detail_idle() { en: "nobody there", zh: "无操作锁定" }
    detail_shift_end() { en: "shift over", zh: "班次结束" }
    detail_ended() { en: "program left", zh: "程序退出" }
    detail_pin_set() { en: "PIN set", zh: "首次设置PIN" }
    detail_pin_changed() { en: "PIN changed", zh: "修改PIN" }
    detail_pin_removed() { en: "log-in taken away", zh: "取消登录" }
    detail_pin_freed() { en: "lock-out ended", zh: "解除锁定" }
    detail_pin_recovered() { en: "recovery code used", zh: "使用恢复码" }
    detail_wrong(n: &str) { en: "wrong PINs before: {n}", zh: "此前输错 {n} 次" }
    detail_count(n: &str) { en: "purchase count {n}", zh: "购电次数 {n}" }

    // Where an errand stands.
    stage_begin() { en: "Starting", zh: "正在启动" }
    stage_opening() { en: "Waiting for the line", zh: "等待线路" }
    stage_reading() { en: "Reading the meter", zh: "读取电表" }
    stage_sending() { en: "Sending the recharge", zh: "发送充值" }
    stage_reading_back() { en: "Reading back", zh: "回读确认" }
    stage_syncing() { en: "Talking to the office", zh: "与后台通信" }

    // Settings.
    setting_language() { en: "Language", zh: "语言" }
    setting_colours() { en: "Colours", zh: "颜色" }
    setting_lines() { en: "Lines", zh: "线条" }
    setting_people() { en: "People and PINs", zh: "人员与PIN" }
    language_name() { en: "English", zh: "中文" }
    colours_none() { en: "none", zh: "无" }
    colours_sixteen() { en: "16", zh: "16 色" }
    colours_many() { en: "256", zh: "256 色" }
    lines_ascii() { en: "ASCII", zh: "ASCII" }
    lines_drawn() { en: "drawn", zh: "制表符" }

    // Menu.
    menu_waiting(n: u64) { en: "{n} to sync", zh: "{n} 条待同步" }
    menu_all_synced() { en: "all synced", zh: "已全部同步" }
    menu_open(n: usize) { en: "? {n} open", zh: "? {n} 笔待查" }
    menu_works(n: usize) { en: "! {n} open", zh: "! {n} 项未完成" }
    menu_no_works() { en: "none open", zh: "无未完成" }
    menu_none_open() { en: "none open", zh: "无待查" }
    menu_no_port() { en: "! none chosen", zh: "! 未选择" }
    page_number(n: usize) { en: "page {n}", zh: "第 {n} 页" }
    column_meter() { en: "meter says", zh: "电表显示" }
    column_token() { en: "token says", zh: "令牌内容" }
    column_balance() { en: "balance", zh: "剩余" }
    key_go_on() { en: "Go on", zh: "继续" }
    direction_to() { en: "> to the meter", zh: "> 发往电表" }
    direction_from() { en: "< from the meter", zh: "< 来自电表" }
    bytes(n: usize) { en: "{n} bytes", zh: "{n} 字节" }
}

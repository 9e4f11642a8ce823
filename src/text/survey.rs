//! Words of the survey: what will be sent, how far it is, what was found, what is wrong and what to
//! do about it.

messages! {
    title_survey() { en: "Survey", zh: "总线巡检" }
    title_surveying() { en: "Survey: running", zh: "总线巡检：进行中" }
    key_survey() { en: "Start", zh: "开始" }
    key_save() { en: "Save", zh: "保存" }
    key_thorough() { en: "All", zh: "全部" }
    does_go_survey() {
        en: "Opens the survey of the line in use; sends nothing yet.",
        zh: "打开当前线路的总线巡检，此时不发送数据。"
    }
    does_survey() {
        en: "Sends questions on this line and looks for meters; changes nothing in them.",
        zh: "在此线路上发送查询，查找电表，不更改电表。"
    }
    does_save() {
        en: "Writes the result as a spreadsheet (XLSX) into the folder of exports.",
        zh: "把结果存为电子表格（XLSX）到导出目录。"
    }
    does_thorough() {
        en: "Goes on when meters have been found, and tries rare settings too. Takes longer.",
        zh: "找到电表后继续，并尝试少用的设置，耗时较长。"
    }
    need_result() { en: "Nothing found to save yet.", zh: "尚无结果可保存。" }
    short_result() { en: "a result", zh: "有结果" }

    survey_warning(port: &str) {
        en: "This sends questions on {port}: every meter there hears them. Take other readers \
             off the line first. Nothing is written.",
        zh: "将在 {port} 上发送查询，线上所有电表都会收到。请先断开其他抄表设备。不写入任何数据。"
    }
    survey_order() {
        en: "In turn: DL/T 645, CJ/T 188, DL/T 698.45, Modbus 1 to 247, IEC 62056-21, each at \
             its usual speeds.",
        zh: "依次：DL/T 645、CJ/T 188、DL/T 698.45、Modbus 1至247、IEC 62056-21，各用常见速率。"
    }
    survey_budget(text: &str) {
        en: "About {text} if nobody answers. Enter starts, Esc stops at any time.",
        zh: "无人应答时约 {text}。按Enter开始，随时按Esc停止。"
    }
    survey_thorough() { en: "All settings", zh: "全部设置" }
    survey_usual() { en: "Usual settings", zh: "常用设置" }
    survey_step(step: u32, of: u32, what: &str) {
        en: "Step {step} of {of}: {what}",
        zh: "第 {step}/{of} 步：{what}"
    }
    survey_left(text: &str) { en: "{text} left", zh: "剩余 {text}" }
    survey_frames(n: u32) { en: "{n} frames sent", zh: "已发 {n} 帧" }
    survey_found(n: u32) { en: "{n} meters found", zh: "已找到 {n} 块表" }
    survey_time(minutes: u32, seconds: u32) {
        en: "{minutes} min {seconds:02} s",
        zh: "{minutes} 分 {seconds:02} 秒"
    }
    survey_saved(path: &str) { en: "Saved: {path}", zh: "已保存：{path}" }

    survey_meters(n: usize) { en: "Meters: {n}", zh: "电表：{n}" }
    survey_boxes(n: usize) { en: "Boxes of many users: {n}", zh: "多用户终端：{n}" }
    survey_box(name: &str, users: usize, found: usize) {
        en: "{name}: {users} users, {found} found",
        zh: "{name}：{users} 个用户，已找到 {found} 个"
    }
    box_counted() { en: "counted by the box itself", zh: "终端自报" }
    box_listed() { en: "by the area list", zh: "按辖区表" }
    box_in_a_row() {
        en: "a guess: numbers in a row, so one box or one delivery",
        zh: "推测：表号连续，可能是同一终端或同批电表"
    }
    survey_user_found() { en: "found", zh: "已找到" }
    survey_user_missing() { en: "not found", zh: "未找到" }
    survey_user_listed(user: u8) {
        en: "! user {user} by the area list: settle who is who before recharging",
        zh: "! 辖区表中为用户 {user}，充值前请先核对"
    }
    survey_line() { en: "The line", zh: "线路诊断" }
    survey_not_searched() { en: "Not searched", zh: "未查找" }
    survey_doubled() { en: "two answers", zh: "双重应答" }
    survey_not_timed() { en: "time unknown", zh: "延时未测" }

    // How it ended.
    survey_whole() { en: "Everything planned was searched.", zh: "已按计划全部查找。" }
    survey_enough() {
        en: "Meters were found; later steps were not needed.",
        zh: "已找到电表，无需后续步骤。"
    }
    survey_stopped() {
        en: "Stopped; this is what was found until then.",
        zh: "已停止，以下为停止前的结果。"
    }
    survey_broken() {
        en: "The line broke; this is what was found until then.",
        zh: "线路中断，以下为中断前的结果。"
    }

    // What is wrong, in a few words, and what to do next.
    verdict_in_order() { en: "In order", zh: "正常" }
    next_in_order() {
        en: "Nothing to do. The time is what meters take to begin an answer.",
        zh: "无需处理。时间为电表开始应答所需时间。"
    }
    verdict_silent() { en: "Nobody answers", zh: "无人应答" }
    next_silent() {
        en: "Check power, plugs, the address range and that A goes to A; then try all settings.",
        zh: "检查电源、接头、地址范围以及A接A，然后尝试全部设置。"
    }
    verdict_garbled() { en: "Garbled answers", zh: "应答乱码" }
    next_garbled() {
        en: "Something answers, never a whole frame. Check speed, ground, termination, cable.",
        zh: "有应答但无完整报文。检查速率、接地、终端电阻和线缆。"
    }
    verdict_wrong_parity() { en: "Wrong parity", zh: "校验位不符" }
    next_wrong_parity() {
        en: "The speed is right, the parity is not. Use the settings shown.",
        zh: "速率正确，校验位不对。请改用所示设置。"
    }
    verdict_pair_swapped() { en: "A and B exchanged", zh: "A/B接反" }
    next_pair_swapped() {
        en: "Every bit arrives turned round. Exchange the two wires at the adapter.",
        zh: "收到的每一位都是反的。请对调适配器上的两根线。"
    }
    verdict_echo() { en: "Adapter hears itself", zh: "适配器回显" }
    next_echo() {
        en: "Harmless here: the echo is taken out. Other programs may need a setting for it.",
        zh: "本程序会去除回显，无妨。其他程序可能需要设置。"
    }
    verdict_echo_short() { en: "Echo one byte short", zh: "回显缺一字节" }
    next_echo_short() {
        en: "The adapter switches late between sending and receiving. Use another adapter if \
             readings fail.",
        zh: "适配器收发切换偏慢。若读表失败请更换适配器。"
    }
    verdict_duplicate() { en: "Two meters, one address", zh: "地址重复" }
    next_duplicate() {
        en: "Disconnect one of them and give it another address. Do not recharge either before.",
        zh: "断开其中一块并改地址，在此之前不要给任何一块充值。"
    }
    verdict_two_protocols() { en: "Two protocols on one pair", zh: "同线两种规约" }
    next_two_protocols() {
        en: "Works while they take turns; better give each protocol its own line.",
        zh: "轮流通信时可用，最好各用一条线路。"
    }
    verdict_foreign() { en: "Somebody else is asking", zh: "存在其他主站" }
    next_foreign() {
        en: "Another reader uses this line. Stop or unplug it, then survey again.",
        zh: "有其他抄表设备在用此线路。请停用或拔下后重新巡检。"
    }
    verdict_slow() { en: "Slow adapter", zh: "适配器延迟大" }
    next_slow() {
        en: "It hands bytes over in lumps. 16 ms is an FTDI chip as shipped: set its latency \
             timer to 1 ms.",
        zh: "字节成批到达。16毫秒为FTDI芯片出厂值，请将latency_timer设为1毫秒。"
    }
    verdict_fixed() { en: "Line settings are fixed", zh: "线路参数固定" }
    next_fixed() {
        en: "Speed and parity are set in the server or head: only those were searched. Set them \
             there to search others.",
        zh: "速率和校验在串口服务器或红外头中设置，只查找了该设置。需在那里更改。"
    }
    verdict_busy() { en: "This machine was too busy", zh: "本机过忙" }
    next_busy() {
        en: "It listened too late to judge everything. Close other programs, then survey again.",
        zh: "本机监听过迟，无法全部判断。请关闭其他程序后重新巡检。"
    }

    // What a verdict rests on.
    evidence_count(n: u32) { en: "seen {n} times", zh: "{n} 次" }
    evidence_meters(n: u32) { en: "{n} meters", zh: "{n} 块表" }
    evidence_time(ms: &str) { en: "{ms} ms", zh: "{ms} 毫秒" }
    evidence_bytes(hex: &str) { en: "bytes {hex}", zh: "字节 {hex}" }

    // What was not searched.
    gap_whole_number() {
        en: "Meters that answer to their whole number only",
        zh: "只认完整表号的电表"
    }
    gap_short() {
        en: "Meters that ignore the wildcard; found by: meterkit survey --all --protocol dlt645",
        zh: "不应答通配地址的电表，可用 meterkit survey --all --protocol dlt645 查找"
    }
    gap_short_1997() {
        en: "1997 meters that ignore the wildcard; read each by its number: meterkit read --meter \
             NUMBER --profile dlt645-1997",
        zh: "不应答通配地址的1997版电表，请按表号逐块读取：meterkit read --meter 表号 \
             --profile dlt645-1997"
    }
    gap_budget() {
        en: "The most frames were sent; numbers that end with these digits are left",
        zh: "已达最大帧数，尚余以下尾号"
    }
    gap_together() {
        en: "Several answered at once; connect them one by one",
        zh: "多块表同时应答，请逐块接入"
    }
    gap_settings() { en: "Other line settings", zh: "其他线路参数" }
    gap_enough() {
        en: "Not needed once meters were found; \"all\" goes on",
        zh: "已找到电表故未查找，选「全部」可继续"
    }
    gap_babble() {
        en: "Somebody talks without a pause; nothing can be asked",
        zh: "有设备不停发送，无法查询"
    }
    gap_unusual() {
        en: "Searched, but no meter should have these addresses",
        zh: "已查找，但电表不应使用这些地址"
    }
    gap_busy() {
        en: "This machine was too late to hear an answer; survey these again",
        zh: "本机过忙未能及时监听，请重新巡检这些设置"
    }

    // Heads of columns.
    column_protocol() { en: "Protocol", zh: "规约" }
    column_address() { en: "Address", zh: "地址" }
    column_settings() { en: "Line settings", zh: "线路参数" }
    column_turnaround() { en: "Answers after, ms", zh: "应答延时/毫秒" }
    column_answers() { en: "Answers", zh: "应答数" }
    column_doubled() { en: "Doubled", zh: "重复应答" }
    column_verdict() { en: "Verdict", zh: "结论" }
    column_name() { en: "Name", zh: "代号" }
    column_count() { en: "Count", zh: "次数" }
    column_time() { en: "Time, ms", zh: "时间/毫秒" }
    column_about() { en: "About", zh: "对象" }
    column_bytes() { en: "Bytes", zh: "字节" }
    column_next() { en: "What to do", zh: "处理办法" }
    column_user() { en: "User", zh: "用户" }
    column_phases() { en: "Phases", zh: "相数" }
    column_found() { en: "Found", zh: "查找结果" }
    column_listed() { en: "User by the list", zh: "辖区表用户号" }
    column_basis() { en: "Known by", zh: "依据" }
    sheet_boxes() { en: "Boxes", zh: "终端" }
    sheet_meters() { en: "Meters", zh: "电表" }
    sheet_verdicts() { en: "Verdicts", zh: "结论" }
    sheet_gaps() { en: "Not searched", zh: "未查找" }
}

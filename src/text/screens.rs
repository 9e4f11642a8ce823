//! Titles and sentences of the screens.

messages! {
    program() { en: "meterkit", zh: "meterkit" }
    title_home() { en: "Home", zh: "主页" }
    help_about(place: &str) { en: "Help: {place}", zh: "帮助：{place}" }
    title_meters() { en: "Meters", zh: "电表" }
    title_card() { en: "Meter", zh: "电表详情" }
    title_choose() { en: "Recharge: choose a token", zh: "充值：选择令牌" }
    title_reading() { en: "Recharge: reading", zh: "充值：读表" }
    title_evidence() { en: "Recharge: is this the meter?", zh: "充值：是这块表吗？" }
    title_digits() { en: "Recharge: last four digits", zh: "充值：输入表号后四位" }
    title_running() { en: "Recharge: running", zh: "充值：进行中" }
    title_outcome() { en: "Recharge: outcome", zh: "充值：结果" }
    title_what_happened() { en: "What happened?", zh: "情况查明" }
    title_tokens() { en: "Tokens", zh: "令牌" }
    title_import() { en: "Import tokens", zh: "导入令牌" }
    title_journal() { en: "Journal", zh: "日志" }
    title_sync() { en: "Sync", zh: "同步" }
    title_boxes() { en: "Boxes", zh: "多用户终端" }
    title_box_users() { en: "Users of a box", zh: "终端用户" }
    title_box(name: &str) { en: "Box {name}", zh: "终端 {name}" }
    title_ports() { en: "Ports", zh: "通信口" }
    title_frames() { en: "Frames", zh: "报文" }
    title_works() { en: "Errands", zh: "作业" }
    title_work_form() { en: "New errand", zh: "新作业" }
    title_work_sheet() { en: "Errand", zh: "作业详情" }
    title_work_running() { en: "Errand under way", zh: "作业进行中" }
    title_work_done() { en: "Errand at its end", zh: "作业已结束" }
    title_certificate() { en: "Certificate", zh: "证明" }
    certificate_kept(command: &str) {
        en: "It stands in the journal for good. Printed or as a file: {command}",
        zh: "已永久记入日志。打印或存为文件：{command}"
    }
    title_wiring() { en: "Wiring: drawing", zh: "接线相量图" }
    work_new(what: &str) { en: "New: {what}", zh: "新建：{what}" }
    work_none() { en: "No errand is open.", zh: "没有未完成的作业。" }
    work_none_of(what: &str) {
        en: "None yet. Enter begins the first: {what}.",
        zh: "尚无记录。按Enter新建第一项：{what}。",
    }
    work_begun(at: &str) { en: "Begun {at}", zh: "开始于 {at}" }
    work_next(what: &str) { en: "Next: {what}", zh: "下一步：{what}" }
    work_carry_on() { en: "Enter shows how far it came.", zh: "按Enter查看进度。" }
    work_may_go_on() {
        en: "It was interrupted, or left. Enter shows how far it came; then it can be carried on.",
        zh: "作业曾中断或暂停。按Enter查看进度，然后可继续。",
    }
    work_due(when: &str) { en: "to be read by {when}", zh: "须于 {when} 前抄完" }
    work_offer() {
        en: "The office's papers for it are here. Enter fills in the form.",
        zh: "后台授权已在本机。按Enter自动填表。",
    }
    menu_offers(n: usize) { en: "{n} ready", zh: "{n} 项可办" }
    work_so_far(n: usize) { en: "So far {n}.", zh: "已输入 {n} 个。" }
    work_seconds(n: u64) { en: "Under way, {n} s", zh: "进行中，{n} 秒" }
    work_reading() { en: "Only reading: nothing is changed.", zh: "仅读取，不作任何更改。" }
    work_line_busy() {
        en: "The line is busy with something else. Enter tries again.",
        zh: "线路正忙于其他操作。按Enter重试。",
    }
    work_again_enter() { en: "Enter tries again, Esc goes back.", zh: "按Enter重试，按Esc返回。" }
    work_pick_enter() {
        en: "A digit chooses, Enter confirms. Esc leaves it open.",
        zh: "按数字选择，Enter确认。Esc保留待办。",
    }
    work_type_enter() {
        en: "Type it, then Enter. Esc leaves it open.",
        zh: "输入后按Enter。Esc保留待办。",
    }
    work_password_enter() {
        en: "Type the meters' password, six digits, then Enter. Esc: without it.",
        zh: "输入电表六位密码后按Enter。Esc取消。",
    }
    work_password_set() { en: "The password is set.", zh: "已输入密码。" }
    wiring_order_right() { en: "Voltage order A-B-C, as it should be", zh: "电压相序 A-B-C，正确" }
    wiring_order_reversed() { en: "! Voltage order A-C-B, reversed", zh: "! 电压相序 A-C-B，逆相序" }
    wiring_phase(phase: &str, volts: &str, amps: &str, angle: &str) {
        en: "{phase} {volts} V  {amps} A  {angle} deg",
        zh: "{phase} {volts} V  {amps} A  {angle} 度",
    }
    wiring_angles() {
        en: "Angle: how far the current is behind its voltage.",
        zh: "角度：电流滞后电压的角度。",
    }
    wiring_legend() { en: "thin U: voltages  thick I: currents", zh: "细线U为电压，粗线I为电流" }
    work_password() { en: "meter password", zh: "电表密码" }
    work_answer_missing() { en: "Choose or type the answer first.", zh: "请先选择或输入。" }
    work_begin_enter() {
        en: "This is the plan; nothing was changed. Enter begins, Esc leaves.",
        zh: "以下为计划，尚未改动任何内容。按Enter开始，按Esc返回。",
    }
    work_go_enter() { en: "Enter carries on. Esc leaves it open.", zh: "按Enter继续，Esc保留待办。" }
    work_yes_enter() { en: "Enter: yes, it is so. Esc leaves it open.", zh: "按Enter确认，Esc保留待办。" }
    work_done_enter() { en: "It has come to its end. Enter goes back.", zh: "作业已结束，按Enter返回。" }
    title_settings() { en: "Settings", zh: "设置" }
    title_help() { en: "Help", zh: "帮助" }
    title_sheet() { en: "It did not work", zh: "操作未成功" }
    title_leave() { en: "Leave meterkit?", zh: "退出meterkit？" }
    title_resolving() { en: "Reading back", zh: "情况查明：回读" }

    too_small() {
        en: "Too small: 40 x 20 is needed. Esc leaves.",
        zh: "窗口太小，至少需要40列20行。按Esc退出。"
    }
    too_small_busy() {
        en: "Too small: 40 x 20 is needed. Work is going on; make the window larger.",
        zh: "窗口太小，至少需要40列20行。操作仍在进行，请放大窗口。"
    }
    engine_gone() {
        en: "The engine ended; leave, start again.",
        zh: "后端程序已结束，请退出后重启。"
    }
    engine_busy() {
        en: "The engine is busy; press again.",
        zh: "后端正忙，请再按一次。"
    }
    worker_died() {
        en: "A worker failed; the journal is whole.",
        zh: "后台任务异常，日志完整。"
    }
    stopping() { en: "Stopping ...", zh: "正在停止 ..." }
    stopped() { en: "Stopped. Nothing was changed.", zh: "已停止，未作任何更改。" }
    waiting() { en: "...", zh: "..." }

    // Home.
    home_start() {
        en: "Nothing here yet. Press F2 and sync with the office once to get meters and tokens.",
        zh: "尚无数据。按F2与后台同步一次，即可取得电表和令牌。"
    }
    home_open() {
        en: "? The outcome of a recharge is not known. Open \"What happened?\".",
        zh: "? 有充值结果未知，请打开「情况查明」。"
    }

    // Meters.
    meters_search() { en: "Search", zh: "查找" }
    meters_none() {
        en: "No meters here. Sync with the office to get your area (Home, Sync).",
        zh: "没有电表。请与后台同步以取得辖区电表（主页 > 同步）。"
    }
    meters_none_found() {
        en: "No meter fits. F3 clears the search; F4 reads the number typed, listed or not.",
        zh: "没有符合的电表。F3清空查找；F4按输入的表号直接读表。"
    }
    meters_never_read() { en: "Not read yet.", zh: "尚未读表。" }

    // Card.
    card_not_read() {
        en: "Not read yet. Enter reads the meter; that changes nothing.",
        zh: "尚未读表。按Enter读表，不作任何更改。"
    }
    card_from_journal() { en: "From the journal:", zh: "来自日志：" }
    card_no_tokens() { en: "none; sync or import", zh: "无，请同步或导入" }
    card_open(act: &str, credit: &str) {
        en: "? The outcome of the {act} of {credit} is not known. F4 finds out.",
        zh: "? 一笔 {credit} 的{act}结果未知，按F4查明。"
    }

    // Recharge.
    choose_none() {
        en: "No token for this meter. Sync with the office or import one (Home, Tokens).",
        zh: "本表没有令牌。请与后台同步或导入（主页 > 令牌）。"
    }
    reading_note() {
        en: "Only reading: nothing is changed.",
        zh: "仅读表，不作任何更改。"
    }
    running_stay() {
        en: "Do not walk away. Keep the cable or head where it is.",
        zh: "请勿离开，保持线缆或光电头不动。"
    }
    running_resolving() {
        en: "Reading back only: no money is sent.",
        zh: "仅回读，不发送充值。"
    }
    running_sent() {
        en: "It is sent. Esc again stops only the waiting: the outcome is then unknown.",
        zh: "充值已发出。再按Esc只停止等待，结果将为未知。"
    }
    running_stopping() {
        en: "Stopping to wait. Look under \"What happened?\" before anything else.",
        zh: "正在停止等待。之后请先查看「情况查明」。"
    }
    running_not_sent() {
        en: "Stopping before anything is sent.",
        zh: "正在停止，尚未发送充值。"
    }
    evidence_compare() {
        en: "Compare number and name with the meter in front of you.",
        zh: "请与面前电表的表号和户名核对。"
    }
    evidence_repaid(amount: &str) {
        en: "The overdraft of {amount} is repaid first.",
        zh: "先偿还透支 {amount}。"
    }
    digits_ask() {
        en: "Type the last four digits of the number on the face of the meter. Read them from the \
             meter, not from a list.",
        zh: "请输入电表铭牌上表号的后四位。要看着电表输入，不要抄列表。"
    }
    digits_label() { en: "Last four:", zh: "后四位：" }
    digits_then() { en: "Enter then sends the recharge.", zh: "随后按Enter发送充值。" }
    digits_wrong(left: u8) {
        en: "Not this meter's. Tries left: {left}",
        zh: "不是本表的号码，还可试 {left} 次"
    }
    outcome_money() { en: "The customer's money", zh: "对客户金额的影响" }
    outcome_next() { en: "What to do next", zh: "下一步" }

    // What happened?
    what_intro() {
        en: "Sent, but the outcome is not known. Do not sell again before it is settled.",
        zh: "已发送但结果未知。查清之前请勿再次售电。"
    }
    what_none() {
        en: "Nothing is open. Every recharge has a known outcome.",
        zh: "没有待查的充值，所有充值结果均已确定。"
    }
    what_read() {
        en: "Go to the meter and press Enter: it is read back; no money is sent.",
        zh: "到电表旁按Enter回读，不发送充值。"
    }
    what_sync() {
        en: "Reading again cannot settle it. F3: sync; the office decides.",
        zh: "再读也无法确定。按F3同步，由后台裁定。"
    }
    what_not_tried() { en: "not read back yet", zh: "尚未回读" }

    // Tokens.
    tokens_none() {
        en: "No tokens here. F4: sync with the office. F2: import from a file.",
        zh: "没有令牌。F4与后台同步，F2从文件导入。"
    }
    import_ask() {
        en: "Type or scan a file name or a token text (MK1:...), then Enter.",
        zh: "输入或扫描文件名或令牌文本（MK1:...），再按Enter。"
    }
    import_label() { en: "From", zh: "来源" }
    import_part(got: usize, of: usize) {
        en: "{got} of {of} codes scanned. Scan the next one.",
        zh: "已扫描 {got}/{of} 个二维码，请扫描下一个。"
    }
    import_running() { en: "Importing ...", zh: "正在导入 ..." }
    import_done(taken: u32, known: u32, refused: usize) {
        en: "Taken {taken}, already here {known}, refused {refused}.",
        zh: "新收 {taken}，已有 {known}，拒收 {refused}。"
    }

    // Journal.
    journal_none() { en: "The journal is empty.", zh: "日志为空。" }
    journal_checking() { en: "Checking the whole journal ...", zh: "正在校验整个日志 ..." }
    journal_verified(n: u64) {
        en: "OK: the journal is whole, {n} entries.",
        zh: "OK：日志完整，共 {n} 条。"
    }

    // Sync.
    sync_waiting() { en: "To send", zh: "待上报" }
    sync_last() { en: "Last sync", zh: "上次同步" }
    sync_due() { en: "Next try", zh: "下次尝试" }
    sync_due_now() { en: "now", zh: "现在" }
    sync_failed() { en: "Failed", zh: "已失败" }
    sync_failures(times: u32) { en: "{times} in a row", zh: "连续{times}次" }
    sync_why() { en: "Because", zh: "原因" }
    sync_entries(n: u64) { en: "{n} entries", zh: "{n} 条" }
    sync_never_run() {
        en: "Enter exchanges with the office: journal up; receipt, tokens and meters down.",
        zh: "按Enter与后台同步：上报日志，取回回执、令牌和电表。"
    }
    sync_sent() { en: "Sent", zh: "已上报" }
    sync_tokens() { en: "New tokens", zh: "新令牌" }
    sync_meters() { en: "Meter list", zh: "电表清单" }
    sync_review() { en: "To review", zh: "待人工核查" }
    sync_clock() { en: "Our clock", zh: "本机时钟" }
    sync_still_out() { en: "Still out", zh: "在外金额" }
    sync_done() {
        en: "OK: the office has everything up to here.",
        zh: "OK：后台已收到至此的全部记录。"
    }
    sync_review_note(n: u32) {
        en: "! The office looks at {n} of your entries; nothing to do for you now.",
        zh: "! 有 {n} 条记录后台将人工核查，您现在无需处理。"
    }
    sync_unchanged() { en: "unchanged", zh: "无变化" }
    sync_media() { en: "Without a line, by stick or shared folder:", zh: "没有网络时，用U盘或共享文件夹：" }
    sync_no_media() {
        en: "none plugged in (F3 looks again)",
        zh: "未插入（按F3重新查找）"
    }
    sync_medium_done(entries: u64, files: u32) {
        en: "OK: {entries} entries in {files} files are on the medium. Take it to the office.",
        zh: "OK：{entries} 条日志（{files} 个文件）已写入介质，请带回后台。"
    }
    sync_medium_taken() { en: "OK: what the office left there was taken in.", zh: "OK：后台留下的文件已取回。" }
    sync_medium_empty() {
        en: "The office has left nothing new there for this handheld.",
        zh: "后台未留下给本掌机的新文件。"
    }
    network_toggled() { en: "Demo network switched.", zh: "演示网络已切换。" }

    // Ports.
    ports_none() {
        en: "No adapter found. Plug one in; it appears here by itself.",
        zh: "未找到转换器。插上后会自动出现在这里。"
    }
    ports_using() { en: "in use", zh: "使用中" }
    ports_denied() { en: "X no access", zh: "X 无权限" }
    ports_no_node() { en: "X not ready", zh: "X 未就绪" }
    ports_taken() { en: "X taken away", zh: "X 被占走" }
    ports_free() { en: "OK can be used", zh: "OK 可用" }
    ports_why_denied() {
        en: "You may not open it. Run this, then log in again or plug it in anew:",
        zh: "当前系统账户无权打开。请执行以下命令，然后重新登录系统或重新插拔：",
    }
    ports_why_no_node() {
        en: "The system sees it but has made no file for it yet. If it stays so, run:",
        zh: "系统已识别，但尚未生成设备文件。若一直如此，请执行：",
    }
    ports_why_braille() {
        en: "It vanished right after it was plugged in: brltty takes it for a Braille display. \
             Run this, then plug it in anew:",
        zh: "插入后立即消失：brltty把它当成了盲文显示器。请执行以下命令后重新插拔：",
    }
    ports_why_grabbed() {
        en: "It vanished at once: a loose plug, or ModemManager. Run this, plug in anew:",
        zh: "插入后立即消失：接触不良，或被ModemManager占走。请执行后重新插拔：",
    }
    ports_chosen(port: &str) { en: "Using {port}", zh: "正在使用 {port}" }

    // Frames.
    frames_none() { en: "No traffic yet. Read a meter.", zh: "尚无报文，请先读表。" }
    frames_paused() { en: "held", zh: "已暂停" }
    frames_undecoded() { en: "not a known frame", zh: "无法解析" }

    settings_note() {
        en: "Settings hold until you leave meterkit.",
        zh: "设置在退出前有效。"
    }

    // Help.
    help_rules() {
        en: "Digits, arrows, Enter, Esc and F1 to F4 are enough for everything. A key with -- in \
             place of its name does not work now; press it to see why. No single key moves money: \
             a recharge shows what meter and token say, asks whether this is the meter, and then \
             wants the last four digits from the meter's face.",
        zh: "数字键、方向键、Enter、Esc和F1至F4即可完成全部操作。键名显示为--表示现在不可用，\
             按下可查看原因。任何单个按键都不会动用金额：充值先显示电表与令牌内容，\
             确认是这块表，再输入铭牌上的后四位。"
    }
    help_signs() {
        en: "Signs: OK good, ! alarm, X refused or fault, ? not known, - waits for sync.",
        zh: "符号：OK 正常，! 告警，X 拒绝或故障，? 结果未知，- 等待同步。"
    }
    help_keys() { en: "Keys here", zh: "此页按键" }
    sheet_money() { en: "The customer's money", zh: "对客户金额的影响" }
    sheet_next() { en: "What to do next", zh: "下一步" }

    // Leave.
    leave_ask() { en: "Enter leaves, Esc stays.", zh: "Enter退出，Esc留下。" }
    leave_busy() {
        en: "! Work is going on. If you leave now, it is stopped; a recharge already sent will \
             have an unknown outcome until it is read back.",
        zh: "! 操作仍在进行。现在退出会中断它；已发出的充值在回读之前结果未知。"
    }
    leave_unsynced(n: u64) {
        en: "Journal entries that still wait for sync: {n}. They stay safe on this handheld.",
        zh: "还有 {n} 条日志等待同步，它们会安全保存在本掌机上。"
    }
}

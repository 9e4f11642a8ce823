//! Words of the keymap: soft-key labels (at most 8 cells), what each key does, and what is
//! missing when it does not work. `tui/keymap/words.rs` maps the table to them.

messages! {
    // Soft-key labels. "key" is also the word in hints: "Enter Open".
    key_help() { en: "Help", zh: "帮助" }
    key_back() { en: "Back", zh: "返回" }
    key_up() { en: "Up", zh: "上移" }
    key_down() { en: "Down", zh: "下移" }
    key_page_up() { en: "Page up", zh: "上一页" }
    key_page_down() { en: "Page dn", zh: "下一页" }
    key_open() { en: "Open", zh: "打开" }
    key_pick() { en: "Pick", zh: "选择" }
    key_type() { en: "Type", zh: "输入" }
    key_erase() { en: "Erase", zh: "删除" }
    key_clear() { en: "Clear", zh: "清空" }
    key_read() { en: "Read", zh: "读表" }
    key_read_typed() { en: "By no.", zh: "按号读" }
    key_recharge() { en: "Recharge", zh: "充值" }
    key_resolve() { en: "Resolve", zh: "查明" }
    key_choose() { en: "Choose", zh: "选用" }
    key_this_meter() { en: "Yes, this meter", zh: "是，就是这块表" }
    key_commit() { en: "Send the recharge", zh: "发送充值" }
    key_stop() { en: "Stop", zh: "停止" }
    key_done() { en: "Done", zh: "完成" }
    key_sync() { en: "Sync", zh: "同步" }
    key_language() { en: "中文", zh: "English" }
    key_network() { en: "Network", zh: "网络" }
    key_import() { en: "Import", zh: "导入" }
    key_meter() { en: "Meter", zh: "电表" }
    key_verify() { en: "Verify", zh: "校验" }
    key_newest() { en: "Newest", zh: "最新" }
    key_carry() { en: "Stick", zh: "介质" }
    key_refresh() { en: "Refresh", zh: "刷新" }
    key_use_port() { en: "Use", zh: "使用" }
    key_pause() { en: "Pause", zh: "暂停" }
    key_change() { en: "Change", zh: "更改" }
    key_leave() { en: "Leave", zh: "退出" }
    key_stay() { en: "Stay", zh: "留下" }
    key_submit() { en: "Next/OK", zh: "下一栏/确定" }
    key_letter() { en: "Letter", zh: "字母" }
    key_recover() { en: "Recover", zh: "恢复码" }
    key_log_out() { en: "Log out", zh: "退出登录" }
    key_people() { en: "People", zh: "人员" }
    key_activate() { en: "First log-in", zh: "首次登录" }
    key_change_pin() { en: "My PIN", zh: "改PIN" }
    key_free() { en: "Unlock", zh: "解锁" }
    key_remove() { en: "Remove", zh: "取消" }
    key_confirm() { en: "Yes", zh: "是" }
    key_password() { en: "Password", zh: "电表密码" }
    key_draw() { en: "Drawing", zh: "相量图" }
    key_use_token() { en: "Use it", zh: "使用" }
    key_certificate() { en: "Certif.", zh: "证明" }

    // What a key does, for help and the manual.
    does_help() { en: "This page.", zh: "本页。" }
    does_back() {
        en: "One step back. Never sends anything.",
        zh: "返回上一步，不会发送任何数据。"
    }
    does_up() { en: "One row up.", zh: "上移一行。" }
    does_down() { en: "One row down.", zh: "下移一行。" }
    does_page_up() { en: "One page up.", zh: "上翻一页。" }
    does_page_down() { en: "One page down.", zh: "下翻一页。" }
    does_open() { en: "Opens the selected row.", zh: "打开所选行。" }
    does_pick() { en: "Goes to the row with this number.", zh: "跳到该编号的行。" }
    does_type() { en: "Types what you press.", zh: "输入所按的字符。" }
    does_erase() { en: "Erases the last character.", zh: "删除最后一个字符。" }
    does_clear() { en: "Erases everything here.", zh: "全部清空。" }
    does_read() {
        en: "Reads the meter; changes nothing.",
        zh: "读取电表，不作任何更改。"
    }
    does_read_typed() {
        en: "Reads the meter whose number you typed, listed or not.",
        zh: "按输入的表号读表，不在列表中也可以。"
    }
    does_recharge() {
        en: "Begins a recharge: reads and compares first, sends nothing yet.",
        zh: "开始充值：先读表核对，此时不发送充值。"
    }
    does_resolve() {
        en: "Reads the meter back to find out what happened; sends no money.",
        zh: "回读电表查明结果，不发送充值。"
    }
    does_choose() {
        en: "Takes this token and reads the meter; sends nothing yet.",
        zh: "选用该令牌并读表，此时不发送充值。"
    }
    does_this_meter() {
        en: "First confirmation: this is the meter in front of me.",
        zh: "第一次确认：就是我面前的这块表。"
    }
    does_commit() {
        en: "Second confirmation, after typing the last four digits: sends the recharge.",
        zh: "第二次确认：输入表号后四位后发送充值。"
    }
    does_stop() {
        en: "Stops waiting. A recharge already sent cannot be taken back by this.",
        zh: "停止等待。已发出的充值不能因此撤回。"
    }
    does_done() { en: "Leaves the page; what it tells is kept.", zh: "离开本页，内容已保存。" }
    does_go_sync() { en: "Opens Sync.", zh: "打开同步页面。" }
    does_sync() { en: "Exchanges with the office now.", zh: "立即与后台同步。" }
    does_language() { en: "Switches to Chinese.", zh: "切换为英文。" }
    does_network() {
        en: "Demo: brings the network up or down.",
        zh: "演示：接通或断开网络。"
    }
    does_go_import() { en: "Opens the import of tokens.", zh: "打开令牌导入。" }
    does_import() { en: "Imports the tokens.", zh: "导入令牌。" }
    does_go_boxes() {
        en: "Opens the list of multi-user terminals.",
        zh: "打开多用户终端列表。",
    }
    does_meter() { en: "Opens this row's meter.", zh: "打开该行的电表。" }
    does_verify() { en: "Checks the whole journal.", zh: "校验整个日志。" }
    does_newest() { en: "Back to the newest entry.", zh: "回到最新一条。" }
    does_carry() {
        en: "Exchanges over the stick or folder with this number.",
        zh: "通过该编号的U盘或共享文件夹交换。"
    }
    does_refresh() { en: "Looks again for what is plugged in.", zh: "重新查找已插入的设备。" }
    does_use_port() { en: "Uses this port for the meters.", zh: "用此通信口连接电表。" }
    does_pause() { en: "Holds the picture, or goes on.", zh: "暂停或继续显示。" }
    does_change() { en: "Changes the selected setting.", zh: "更改所选设置。" }
    does_leave() { en: "Leaves meterkit; asked once.", zh: "退出meterkit，会先询问。" }
    does_stay() { en: "Stays.", zh: "不退出。" }
    does_submit() {
        en: "Next field; from the last one, hands in what was typed.",
        zh: "到下一栏；在最后一栏则提交。"
    }
    does_letter() {
        en: "Turns the digit typed last into a letter: 2, A, B, C, 2.",
        zh: "把刚输入的数字变为字母：2、A、B、C、2。"
    }
    does_recover() {
        en: "Logs in with a recovery code of the office, after a lock-out or a forgotten PIN.",
        zh: "被锁定或忘记PIN时，用后台给的恢复码登录。"
    }
    does_go_log_out() { en: "Logs out; asked once.", zh: "退出登录，会先询问。" }
    does_log_out() {
        en: "Logs out, locks the store, and shows the shift summary.",
        zh: "退出登录，锁定存储，并显示班次小结。"
    }
    does_go_people() { en: "Opens the people screen.", zh: "打开人员页面。" }
    does_activate() {
        en: "First log-in of the selected person: a code of the office and a PIN.",
        zh: "所选人员首次登录：输入后台给的激活码并设置PIN。"
    }
    does_change_pin() { en: "Changes your own PIN.", zh: "修改本人的PIN。" }
    does_free() {
        en: "Supervisor: ends the lock-out of the selected person; asked once.",
        zh: "主管：解除所选人员的锁定，会先询问。"
    }
    does_remove() {
        en: "Supervisor: takes the selected person's log-in away; asked once.",
        zh: "主管：取消所选人员的登录，会先询问。"
    }
    does_confirm() { en: "Does what was asked about.", zh: "执行所询问的操作。" }

    does_password() {
        en: "Types the meters' six-digit password; kept until you leave this page.",
        zh: "输入电表的六位密码，离开本页即清除。"
    }
    does_go_on() {
        en: "Begins, answers or carries on, as the page says; at the end goes back.",
        zh: "按页面提示开始、回答或继续；结束后返回。"
    }
    does_use_token() {
        en: "Begins what the token is for: a recharge, or the form of its errand. Sends nothing.",
        zh: "开始令牌所载业务：充值，或打开相应作业表单。此时不发送任何金额。"
    }
    does_certificate() {
        en: "Shows the certificate: both readings, what was done, the journal entry.",
        zh: "显示证明：前后读数、已执行内容、日志序号。"
    }
    does_draw() {
        en: "Draws voltages and currents of the wiring check.",
        zh: "画出接线检查的电压、电流相量图。"
    }

    // Names of keys.
    key_name_digits() { en: "0-9", zh: "0-9" }
    key_name_text() { en: "0-9 a-z", zh: "0-9 a-z" }
    key_name_up() { en: "Up", zh: "上" }
    key_name_down() { en: "Down", zh: "下" }
    key_name_left() { en: "Left", zh: "左" }
    key_name_right() { en: "Right", zh: "右" }

    // Why a key does not work now: one sentence each.
    need_port() {
        en: "Choose a port first: Home, Ports.",
        zh: "请先选择通信口：主页 > 通信口。"
    }
    need_line() {
        en: "The line is busy; wait for the end.",
        zh: "线路正忙，请等待结束。"
    }
    need_allowed() {
        en: "No access: run the command shown.",
        zh: "无权限，请执行所示命令。"
    }
    need_money() {
        en: "Recharging is stopped: see Home.",
        zh: "充值已停止，原因见主页。"
    }
    need_row() { en: "Nothing is selected.", zh: "没有选中任何行。" }
    need_token() {
        en: "No usable token here: sync or import.",
        zh: "没有可用令牌，请同步或导入。"
    }
    need_no_open() {
        en: "An outcome is open: press Resolve first.",
        zh: "有结果未知的充值，请先查明。"
    }
    need_open() { en: "Nothing is open on this meter.", zh: "本表没有待查明的充值。" }
    need_readable() {
        en: "Reading cannot settle it: sync.",
        zh: "再读也无法确定，请同步由后台裁定。"
    }
    need_sync_free() { en: "A sync is running already.", zh: "同步正在进行。" }
    need_demo() { en: "Only in the demo.", zh: "仅用于演示。" }
    need_typed() { en: "Type or scan something first.", zh: "请先输入或扫描内容。" }
    need_number() { en: "Type the meter's number first.", zh: "请先输入表号。" }
    need_four() { en: "Type the last four digits first.", zh: "请先输入表号后四位。" }
    need_supervisor() { en: "Only for a supervisor.", zh: "仅限主管。" }
    need_answered() { en: "Wait for the answer.", zh: "请等待应答。" }
    need_no_wait() {
        en: "Wait until the seconds are over.",
        zh: "请等到计时结束。"
    }
    need_not_locked_out() {
        en: "Locked: F2 takes a recovery code.",
        zh: "登录已锁定，按F2输入恢复码。"
    }
    need_no_pin() { en: "There is a PIN already.", zh: "已设置PIN。" }
    need_has_pin() { en: "There is no PIN yet.", zh: "尚未设置PIN。" }
    need_certificate() { en: "It has no certificate.", zh: "该作业没有证明。" }
    need_drawing() { en: "The wiring was not checked yet.", zh: "尚未检查接线。" }
    need_locked() { en: "This log-in is not locked.", zh: "该登录未被锁定。" }

    // The same in a few words, for the manual.
    short_port() { en: "a port", zh: "已选通信口" }
    short_line() { en: "a free line", zh: "线路空闲" }
    short_allowed() { en: "access to the port", zh: "有通信口权限" }
    short_money() { en: "recharging not stopped", zh: "充值未停止" }
    short_row() { en: "a selected row", zh: "有选中行" }
    short_token() { en: "a usable token", zh: "有可用令牌" }
    short_no_open() { en: "no open outcome", zh: "无待查充值" }
    short_open() { en: "an open outcome", zh: "有待查充值" }
    short_readable() { en: "reading can settle it", zh: "再读可以确定" }
    short_sync_free() { en: "no sync running", zh: "未在同步" }
    short_demo() { en: "the demo", zh: "演示模式" }
    short_typed() { en: "something typed", zh: "已有输入" }
    short_number() { en: "a number typed", zh: "已输入表号" }
    short_four() { en: "four digits typed", zh: "已输入四位" }
    short_supervisor() { en: "a supervisor", zh: "主管" }
    short_answered() { en: "no answer awaited", zh: "无待应答" }
    short_no_wait() { en: "no wait running", zh: "不在等待" }
    short_not_locked_out() { en: "not locked", zh: "未锁定" }
    short_no_pin() { en: "no PIN yet", zh: "未设PIN" }
    short_has_pin() { en: "a PIN set", zh: "已设PIN" }
    short_certificate() { en: "a certificate", zh: "有证明" }
    short_drawing() { en: "a wiring check", zh: "已检查接线" }
    short_locked() { en: "a locked log-in", zh: "登录已锁定" }

    help_column_key() { en: "Key", zh: "按键" }
    help_column_does() { en: "What it does", zh: "作用" }
    help_column_needs() { en: "Needs", zh: "条件" }
    list_comma() { en: ", ", zh: "、" }
}

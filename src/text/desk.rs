//! The desk's words: titles, keys, sentences. Names of figures are in `words`,
//! sentences of pages in `sayings`, failures in `errors`.

pub mod errors;
pub mod sayings;
pub mod words;

messages! {
    desk_title_today() { en: "Today", zh: "今日" }
    desk_title_devices() { en: "Handhelds", zh: "掌机" }
    desk_title_device() { en: "Handheld", zh: "掌机" }
    desk_title_lost() { en: "If lost", zh: "丢失影响" }
    desk_title_reviews() { en: "Review queue", zh: "核查队列" }
    desk_title_review() { en: "Review", zh: "核查" }
    desk_title_meters() { en: "Meters, customers", zh: "电表与客户" }
    desk_title_doubt() { en: "Tokens in doubt", zh: "存疑令牌" }
    desk_title_drafts() { en: "Drafts", zh: "草稿" }
    desk_title_operators() { en: "Operators", zh: "操作员" }
    desk_title_operator() { en: "Operator", zh: "操作员" }
    desk_title_rounds() { en: "Rounds", zh: "抄表任务" }
    desk_title_round() { en: "Round", zh: "抄表任务" }
    desk_title_bundles() { en: "Prices, bundles", zh: "电价与参数包" }
    desk_title_sales() { en: "Sales", zh: "销售统计" }
    desk_title_lost_contact() { en: "Lost contact", zh: "失联" }
    desk_title_keep_power() { en: "Keep-power", zh: "保电" }
    desk_title_shift() { en: "Shift close", zh: "交班结账" }
    desk_title_form() { en: "Form", zh: "表单" }
    desk_title_check() { en: "Check", zh: "核对" }
    desk_title_outcome() { en: "Outcome", zh: "结果" }
    desk_title_leave() { en: "Leave the desk?", zh: "退出后台？" }

    desk_missing(field: &str) { en: "Fill in: {field}.", zh: "请填写：{field}。" }
    desk_odd(field: &str, text: &str) {
        en: "{field} cannot be \"{text}\".",
        zh: "{field}不能为「{text}」。",
    }

    desk_key_confirm() { en: "Do it", zh: "执行" }
    desk_key_lost() { en: "If lost", zh: "丢失" }
    desk_key_fence() { en: "Fence", zh: "封锁" }
    desk_key_settle() { en: "Settle", zh: "处理" }
    desk_key_issue() { en: "Issue", zh: "签发" }
    desk_key_reissue() { en: "Reissue", zh: "重签" }
    desk_key_revoke() { en: "Revoke", zh: "收回" }
    desk_key_count() { en: "Count", zh: "改次数" }
    desk_key_close_account() { en: "Close account", zh: "销户" }
    desk_key_drop() { en: "Drop", zh: "删除" }
    desk_key_add() { en: "Add", zh: "登记" }
    desk_key_grant() { en: "Grant", zh: "授权" }
    desk_key_rounds() { en: "Rounds", zh: "抄表" }
    desk_key_new() { en: "New", zh: "新建" }
    desk_key_withdraw() { en: "Withdraw", zh: "撤回" }
    desk_key_sign() { en: "Sign", zh: "签署" }
    desk_key_span() { en: "Span", zh: "期间" }
    desk_key_close() { en: "Close", zh: "结账" }
    desk_key_export() { en: "Export", zh: "导出" }

    desk_does_letter() {
        en: "Takes the next choice or known name; turns the last digit into a letter or sign of \
             its key",
        zh: "切换下一选项或已知名称；把末位数字变为该键的字母或符号。",
    }
    desk_does_submit() {
        en: "Goes to the next field; from the last one, shows what would happen.",
        zh: "转到下一栏；在末栏则显示将发生的事。",
    }
    desk_does_confirm() { en: "Does what this page says.", zh: "执行本页所述操作。" }
    desk_does_refresh() { en: "Asks the office again.", zh: "重新查询。" }
    desk_does_go_leave() { en: "Asks whether to leave.", zh: "询问是否退出。" }
    desk_does_lost() {
        en: "Shows what a lost handheld can do at most, and which meters to visit.",
        zh: "显示掌机丢失的最大损失和须走访的电表。",
    }
    desk_does_fence() {
        en: "Stops the handheld and, if wished, issues what it carries to another one.",
        zh: "停用该掌机，并可将其携带的令牌改签给另一台。",
    }
    desk_does_settle() {
        en: "Opens the form for a verdict and its reason.",
        zh: "打开表单，填写结论和理由。",
    }
    desk_does_issue() { en: "Opens the form for one token.", zh: "打开签发单个令牌的表单。" }
    desk_does_reissue() {
        en: "Replaces a token whose time is over, at the same step.",
        zh: "按同一购电次数重签已过期的令牌。",
    }
    desk_does_revoke_token() { en: "Takes back the newest token that is out.", zh: "收回最新的在外令牌。" }
    desk_does_close_account() {
        en: "Closes the account of this meter, with what was paid back.",
        zh: "为该表销户，并登记退还金额。",
    }
    desk_does_count() {
        en: "Puts the purchase count right after somebody read the meter.",
        zh: "按现场抄读更正购电次数。",
    }
    desk_does_issue_draft() {
        en: "Issues the draft: it becomes a token.",
        zh: "签发该草稿，生成令牌。",
    }
    desk_does_new_draft() {
        en: "Opens the form for a draft.",
        zh: "打开草稿表单。",
    }
    desk_does_drop_draft() {
        en: "Drops the draft; nothing of it is issued.",
        zh: "删除该草稿，不签发。",
    }
    desk_does_add() { en: "Enters an operator, or changes one.", zh: "登记或修改操作员。" }
    desk_does_grant() {
        en: "Lets an operator work with a handheld; gives the code for his first log-in.",
        zh: "授权操作员使用掌机，并给出首次登录激活码。",
    }
    desk_does_revoke_operator() {
        en: "Takes everything from the operator, on every handheld.",
        zh: "收回该操作员在所有掌机上的授权。",
    }
    desk_does_rounds() { en: "Goes to the rounds: lists to be read.", zh: "进入抄表任务。" }
    desk_does_new_round() { en: "Makes a round for a handheld.", zh: "为掌机新建抄表任务。" }
    desk_does_withdraw() {
        en: "Withdraws the round; one that was begun goes on.",
        zh: "撤回抄表任务；已开始的继续。",
    }
    desk_does_sign() { en: "Signs a file of prices or parameters.", zh: "签署电价或参数文件。" }
    desk_does_span() { en: "Days, months, years.", zh: "按日、按月、按年。" }
    desk_does_close() {
        en: "Closes the shift of a handheld or an operator.",
        zh: "为掌机或操作员交班结账。",
    }
    desk_does_export() { en: "Writes this list to a file (XLSX or CSV).", zh: "将本表导出为XLSX或CSV。" }

    desk_need_possible() {
        en: "This cannot be done as it is: the page says why.",
        zh: "目前不能执行，原因见本页。",
    }
    desk_need_proof() {
        en: "Type the figure this page asks for first.",
        zh: "请先输入本页要求的内容。",
    }
    desk_need_idle() {
        en: "It is being done. Wait for the outcome.",
        zh: "正在执行，请等待结果。",
    }
    desk_need_meter() { en: "No meter belongs to this.", zh: "此项不涉及电表。" }
    desk_short_possible() { en: "it can be done", zh: "可执行" }
    desk_short_proof() { en: "the figure typed", zh: "已输入核对内容" }
    desk_short_idle() { en: "nothing under way", zh: "无操作进行中" }
    desk_need_out() { en: "No token of this meter is out.", zh: "该表没有在外令牌。" }
    desk_short_out() { en: "a token out", zh: "有在外令牌" }
    desk_need_open() { en: "This is closed already.", zh: "已关闭或已销户。" }
    desk_short_open() { en: "not closed yet", zh: "尚未关闭" }
    desk_short_meter() { en: "a meter", zh: "涉及电表" }

    desk_empty_devices() {
        en: "No handhelds yet. \"meterkit-office enrol\" makes the first.",
        zh: "尚无掌机。用「meterkit-office enrol」登记第一台。",
    }
    desk_empty_reviews() { en: "Nothing waits for a person.", zh: "没有待核查事项。" }
    desk_empty_meters() {
        en: "No meter holds what was typed.",
        zh: "没有符合输入内容的电表。",
    }
    desk_empty_doubt() { en: "No token is in doubt.", zh: "没有存疑令牌。" }
    desk_empty_drafts() {
        en: "No draft. F4 keeps one.",
        zh: "没有草稿。按F4新建。",
    }
    desk_empty_operators() { en: "No operators yet. F2 enters the first.", zh: "尚无操作员。按F2登记。" }
    desk_empty_rounds() { en: "No round was made yet. F2 makes one.", zh: "尚无抄表任务。按F2新建。" }
    desk_empty_bundles() {
        en: "No handheld has put a bundle into a meter yet. F2 signs one.",
        zh: "尚无参数包下装记录。按F2签署。",
    }
    desk_empty_sales() { en: "Nothing was sold.", zh: "没有销售记录。" }
    desk_empty_lost_contact() { en: "All have been heard of lately.", zh: "近期均有联系。" }
    desk_empty_keep_power() { en: "No meter is in keep-power.", zh: "没有处于保电的电表。" }
    desk_empty_shift() { en: "No shift was closed yet. F2 closes one.", zh: "尚未交班结账。按F2结账。" }
    desk_none() { en: "none", zh: "无" }
    desk_more() {
        en: "There are more. Type what to search for, or export.",
        zh: "还有更多，请输入条件查找或导出。",
    }

    desk_search() { en: "Find", zh: "查找" }
    desk_asking() { en: "...", zh: "..." }
    desk_command() { en: "The same by command:", zh: "对应命令：" }
    desk_check(what: &str) { en: "Check: {what}", zh: "核对：{what}" }
    desk_done() { en: "+ Done.", zh: "+ 已完成。" }
    desk_doing() { en: "Being done...", zh: "正在执行..." }
    desk_enter_does() { en: "Enter does it, Esc leaves it.", zh: "按Enter执行，按Esc放弃。" }
    desk_type_proof(proof: &str) {
        en: "To do it, type {proof} and press Enter. Esc leaves it.",
        zh: "确认执行请输入 {proof} 并按Enter，按Esc放弃。",
    }
    desk_outcome_unknown() {
        en: "The outcome is not known. Look at the list before doing it again.",
        zh: "结果不明。再次操作前请先查看列表。",
    }
    desk_worker_gone() {
        en: "The desk has lost the office. Leave and start it again.",
        zh: "后台服务已中断，请退出后重新启动。",
    }
    desk_worker_died() {
        en: "X Something broke inside. Look before doing it again.",
        zh: "X 程序内部出错，再次操作前请先查看。",
    }
    desk_leave_busy() {
        en: "The office has not answered yet. What was begun is finished first.",
        zh: "后台尚未答复，已开始的操作会先完成。",
    }
    desk_rules() {
        en: "What cannot be taken back is shown first: what would happen, and what it means. A \
             figure of that page must be typed before Enter works. Every page shows the command \
             that does the same, for scripts and other machines.",
        zh: "不可撤回的操作先显示将发生什么及其后果，须输入该页上的内容后Enter才有效。\
             每页都显示对应的命令，可用于脚本和其他机器。",
    }
    desk_about_today() {
        en: "What needs somebody today. A digit or Enter opens a row.",
        zh: "今天须处理的事项。按数字或Enter打开。",
    }
    desk_about_devices() {
        en: "Every handheld, what is out with it, and when it was heard of last. An amount that is \
             out stays in transit until its journal or a meter proves where it is.",
        zh: "所有掌机、其在外金额和最近联系时间。在外金额在日志或电表证实之前一直记为在途。",
    }
    desk_about_lost() {
        en: "What a thief with this handheld and its PIN could credit at most, and where. Fencing \
             stops it here at once; a meter is safe only once its step is used: by the token that \
             replaces the lost one, put in by another handheld.",
        zh: "得到该掌机及其PIN的人最多能充多少、充到哪里。封锁在后台立即生效；\
             但只有当另一台掌机用替换令牌占用该购电次数后，电表才安全。",
    }
    desk_about_reviews() {
        en: "What the office will not decide alone. Settle says whether the credit is in the \
             meter: only then does its money leave transit. Read the meter first.",
        zh: "后台不会自行决定的事项。处理即认定金额是否已充入电表，认定后在途金额才会转移。请先抄读电表。",
    }
    desk_about_meters() {
        en: "Type a part of a number, account, customer or place. Enter opens the card.",
        zh: "输入表号、户号、客户或位置的一部分查找。按Enter打开。",
    }
    desk_about_doubt() {
        en: "Tokens whose time is over, that were taken back, or about which the journals \
             disagree. Their money stays in transit until proved. Replace one at the same step, or \
             settle it.",
        zh: "已过期、已收回或日志有矛盾的令牌，证实之前金额记为在途。可按同一次数重签，或处理。",
    }
    desk_about_drafts() {
        en: "Sales that were prepared and not issued: nothing is reserved or signed, no money \
             moved. Each becomes one token, once, or is dropped.",
        zh: "已准备而未签发的售电：未占用购电次数，未签名，款项未动。每份只能签发一次，或删除。",
    }
    desk_about_operators() {
        en: "Who may work with the handhelds. A grant counts on one handheld; its code is shown \
             once.",
        zh: "可使用掌机的人员。每次授权只对一台掌机有效，激活码只显示一次。",
    }
    desk_about_rounds() {
        en: "Lists of meters for a handheld to read, with what is known of each. The list goes out \
             with the next exchange; how far it is comes back with the journal. A figure typed by \
             hand is no reading.",
        zh: "交给掌机抄读的电表清单，附已知数据。清单随下次交换下发，进度随日志返回。人工录入的读数不算抄读。",
    }
    desk_about_bundles() {
        en: "Prices and other parameters that handhelds have put into meters, and where they are \
             in force only in part.",
        zh: "掌机已下装到电表的电价和其他参数，以及仅部分生效之处。",
    }
    desk_about_sales() {
        en: "What was issued, what is proved in the meters, what came back. F2: days, months, \
             years.",
        zh: "已签发、已证实充入和退回的金额。F2切换日、月、年。",
    }
    desk_about_lost_contact() {
        en: "Handhelds and meters nobody has heard of for long, the oldest first.",
        zh: "久未联系的掌机和电表，时间最久的在前。",
    }
    desk_about_keep_power() {
        en: "Meters that are kept on whatever their balance says. Credit is out of control there: \
             end it when its reason is gone.",
        zh: "无论剩余金额多少均保持合闸的电表。期间欠费不受控，原因消除后应及时恢复预付费。",
    }
    desk_about_shift() {
        en: "Closed shifts. Reserved = in the meter + came back + still out, and all postings sum \
             to zero: both are shown.",
        zh: "已结账的班次。签发 = 已充入 + 退回 + 在外，且全部分录合计为零，两者均显示。",
    }
    desk_about_form() {
        en: "* must be filled in. Right takes the next choice or known name.",
        zh: "*为必填。右键切换下一选项或已知名称。",
    }
    desk_about_check() {
        en: "What the office says would happen, or has happened. Nothing is done before Enter.",
        zh: "后台说明将发生或已发生的事。按Enter之前不作任何更改。",
    }
    desk_about_help() { en: "Esc goes back.", zh: "按Esc返回。" }
}

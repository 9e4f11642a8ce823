//! What the commands say besides the words they share with the screens.

messages! {
    ask_digits(meter: &str) {
        en: "Look at the meter. To recharge {meter}, type the last four digits of its number:",
        zh: "请核对电表。要给 {meter} 充值，请输入表号后四位：",
    }
    ask_meter_digits() {
        en: "The meters' password, six digits (Enter if none is needed): ",
        zh: "电表密码，六位数字（不需要则直接回车）：",
    }
    errand_dry_run() {
        en: "Dry run: the meters were read where the plan needs it, and nothing was changed in \
             them.",
        zh: "试运行：仅按需抄读电表，未对电表做任何更改。",
    }
    survey_nobody() {
        en: "Nobody is logged in: meters that were swapped out are not told apart.",
        zh: "未登录：无法识别已换下的电表。",
    }
    errand_looking() { en: "looking at the meters ...", zh: "正在读取电表 ..." }
    errand_working() { en: "at work ...", zh: "正在执行 ..." }
    mark_age(days: i64, hours: i64) { en: "{days} d {hours} h", zh: "{days}天{hours}小时" }
    ask_begin() { en: "Begin? (y/n)", zh: "开始执行？(y/n)" }
    ask_go() { en: "Type ok when done; nothing stops here.", zh: "完成后输入 ok；直接回车则暂停。" }
    ask_digits_of(meter: &str) {
        en: "Look at the meter {meter} and type the last four digits of its number:",
        zh: "请看电表 {meter}，输入后四位：",
    }
    confirm_missing() {
        en: "nothing was confirmed: give --confirm with the last four digits seen on the meter",
        zh: "尚未确认：请用 --confirm 给出电表上看到的表号后四位",
    }
    dry_run() {
        en: "Everything fits. Dry run: nothing was sent.",
        zh: "检查全部通过。试运行：未发送任何数据。",
    }
    enrolled(device: &str, fingerprint: &str) {
        en: "Enrolled as {device}. Office key {fingerprint}: compare it with the office's own.",
        zh: "已注册为 {device}。后台密钥 {fingerprint}，请与后台核对。",
    }
    ask_operator() { en: "Operator:", zh: "操作员编号：" }
    ask_pin(operator: &str) { en: "PIN of {operator}:", zh: "{operator} 的PIN：" }
    ask_new_pin() { en: "New PIN:", zh: "新PIN：" }
    ask_pin_again() { en: "Once more:", zh: "请再输入一次：" }
    pins_differ() { en: "the two are not the same", zh: "两次输入不一致" }
    ask_recovery() { en: "Recovery code of the office:", zh: "后台给的恢复码：" }
    ask_meter_password() { en: "Password of the meter:", zh: "电表密码：" }
    ask_activation(operator: &str) {
        en: "Activation code of {operator}, from the office:",
        zh: "{operator} 的激活码（由后台提供）：",
    }
    trust_standing() { en: "Trust", zh: "信任状态" }
    pin_is_set(operator: &str) { en: "The PIN of {operator} is set.", zh: "{operator} 的PIN已设置。" }
    enrol_check(device: &str, fingerprint: &str) {
        en: "This file is for {device}. Office key {fingerprint}: compare it with the \
             office's own.",
        zh: "本文件用于 {device}。后台密钥 {fingerprint}，请与后台核对。",
    }
    enrol_operator(operators: &str) {
        en: "the file is for several operators; say which with --operator: {operators}",
        zh: "文件中有多名操作员，请用 --operator 指定：{operators}",
    }
    plain_secret() {
        en: "This device keeps its secret in a plain file: a copy of the disk is worth more. \
             See docs/vault.md.",
        zh: "本机密钥保存在普通文件中：磁盘被复制时风险更大。见 docs/vault.md。",
    }
    imported(taken: usize, known: usize, refused: usize) {
        en: "{taken} tokens taken in, {known} already here, {refused} refused.",
        zh: "导入令牌 {taken} 个，已有 {known} 个，拒绝 {refused} 个。",
    }
    no_tokens() {
        en: "No tokens here. Sync with the office, or import a file: meterkit tokens import FILE",
        zh: "没有令牌。请与后台同步，或导入文件：meterkit tokens import FILE",
    }
    no_boxes() {
        en: "No multi-user terminals in the area list.",
        zh: "辖区表中没有多用户终端。",
    }
    no_boxes_next() {
        en: "They come with the area list: sync with the office (Home, Sync).",
        zh: "终端随辖区表下发：请与后台同步（主页 > 同步）。",
    }
    user_three_phase() { en: "three-phase", zh: "三相" }
    user_single_phase() { en: "single-phase", zh: "单相" }
    read_summary(read: u32, silent: u32, garbled: u32, failed: u32, ports: usize, seconds: f64) {
        en: "{read} read, {silent} silent, {garbled} garbled, {failed} failed; {ports} lines, \
             {seconds:.1} s",
        zh: "读到 {read} 块，无应答 {silent} 块，乱码 {garbled} 块，其他失败 {failed} 块；\
             线路 {ports} 条，用时 {seconds:.1} 秒",
    }
    no_entries() { en: "The journal is empty.", zh: "日志为空。" }
    no_ports() {
        en: "No adapter found. Plug one in, or name a device server: --port tcp://HOST:PORT",
        zh: "没有找到转换器。请插入转换器，或指定串口服务器：--port tcp://HOST:PORT",
    }
    port_held(ms: u64) {
        en: "Hands bytes over every {ms} ms. For 1 ms install setserial, or the rule for udev:",
        zh: "每 {ms} 毫秒才上送一次数据。要降到1毫秒，请安装setserial，或安装udev规则：",
    }
    port_chosen(endpoint: &str) { en: "Port remembered: {endpoint}", zh: "已记住通信口：{endpoint}" }
    journal_whole(records: u64) {
        en: "The journal is whole: {records} entries, every one chained to the one before.",
        zh: "日志完整：共 {records} 条，逐条链接无误。",
    }
    synced(sent: u64, tokens: u32, review: u32) {
        en: "Synced: {sent} entries sent, {tokens} tokens received, {review} for review.",
        zh: "同步完成：上传 {sent} 条，收到令牌 {tokens} 个，待核查 {review} 条。",
    }
    synced_rounds(n: u32) {
        en: "{n} rounds of the office received: 'meterkit round list'.",
        zh: "收到后台抄表任务 {n} 个，请用 meterkit round list 查看。",
    }
    synced_bundles(n: u32) { en: "{n} bundles of parameters received.", zh: "收到参数包 {n} 个。" }
    synced_cut_short(kb: u64) {
        en: "The budget of the link is spent after {kb} KB; the rest goes with the next sync.",
        zh: "本次流量限额已用完（{kb} KB），其余下次同步。"
    }
    sync_again(attempt: u32, of: u32, seconds: u64) {
        en: "Nobody answered ({attempt} of {of}). Again in {seconds} s; Ctrl+C stops.",
        zh: "后台无应答（第 {attempt}/{of} 次），{seconds} 秒后重试；Ctrl+C 停止。"
    }
    carried(entries: u64, letters: u32) {
        en: "On the medium, for the office: {entries} entries in {letters} files. Take it there.",
        zh: "已写入介质待交后台：日志 {entries} 条，共 {letters} 个文件。请带回后台。",
    }
    carried_again() {
        en: "The office was restored from a backup and needs the journal again: it is on the \
             medium now. Take it there; until it has it, it issues nothing.",
        zh: "后台已从备份恢复，需要重新接收本机日志；日志已写入介质，请带回后台。后台收到之前不签发令牌。",
    }
    carried_nothing() {
        en: "Nothing from the office for this handheld is on the medium.",
        zh: "介质上没有后台给本掌机的文件。",
    }
    carried_taken(tokens: u32, review: u32) {
        en: "From the office: {tokens} tokens received, {review} entries for review.",
        zh: "来自后台：收到令牌 {tokens} 个，待核查 {review} 条。",
    }
    carried_cleared(files: u32) {
        en: "{files} files removed from the medium: the office has what was in them.",
        zh: "已从介质清除 {files} 个文件：其内容后台均已收到。",
    }
    carried_unread(name: &str, why: &str) {
        en: "Not used: {name}: {why}",
        zh: "未采用：{name}：{why}",
    }
    synced_review(entry: u64, class: &str, what: &str) {
        en: "  entry {entry}: {class}, {what}",
        zh: "  第 {entry} 条：{class}，{what}",
    }
    still_out(amount: &str) {
        en: "Issued to this handheld and still out: {amount}",
        zh: "已发给本掌机、尚未到账：{amount}",
    }
    day_recharges(all: usize, accepted: usize) {
        en: "{all} recharges tried, {accepted} accepted.",
        zh: "充值 {all} 笔，已到账 {accepted} 笔。",
    }
    day_rest(refused: usize, unknown: usize, torn: usize) {
        en: "{refused} refused, {unknown} still unknown, {torn} torn writes in meters.",
        zh: "未到账 {refused} 笔，结果未知 {unknown} 笔，电表写入中断 {torn} 次。",
    }
    day_faults(double: usize, lost: usize) {
        en: "Credits doubled: {double}. Credits lost: {lost}.",
        zh: "重复到账：{double}。丢失：{lost}。",
    }
    day_swapped() { en: "A meter was swapped with its balance.", zh: "换表一只，剩余已结转。" }
    day_not_swapped() { en: "The swap is still open.", zh: "换表尚未完成。" }
    day_bundled(n: usize) {
        en: "A bundle of parameters is whole on {n} meters.",
        zh: "参数包已完整写入 {n} 只电表。"
    }
    day_reviews(n: u64) { en: "{n} for review by the office.", zh: "后台待核查 {n} 条。" }
    day_sound() {
        en: "OK: every sum is zero and nothing was doubled or lost.",
        zh: "OK：账目合计为零，没有重复，也没有丢失。",
    }
    day_unsound() {
        en: "WRONG: the figures above do not agree.",
        zh: "错误：以上数字不一致。",
    }
}

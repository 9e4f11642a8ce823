//! Names that more than one errand uses.

use super::super::{Both, both};

pub const WORDS: &[(&str, Both)] = &[
    ("swap", both("swap", "换表")),
    ("account", both("account", "账户")),
    ("control", both("control", "远控")),
    ("bundle", both("parameters", "参数包")),
    ("commission", both("commissioning", "开通")),
    ("round", both("round", "抄表任务")),
    ("begun", both("begun", "已开始")),
    ("done", both("done", "已完成")),
    ("refused", both("refused", "被拒绝")),
    ("failed", both("failed", "失败")),
    ("skipped", both("left out", "已跳过")),
    ("unknown", both("not known", "结果不明")),
    ("keep-power", both("keep-power", "保电")),
    ("swapped-out", both("swapped out", "已换下")),
    ("tariff-pending", both("tariff pending", "费率待生效")),
    ("tripped", both("tripped", "已拉闸")),
    ("meter", both("meter", "电表")),
    ("meters", both("meters", "电表（多只）")),
    ("reason", both("reason", "原因")),
    ("yes", both("yes", "是")),
    ("no", both("no", "否")),
];

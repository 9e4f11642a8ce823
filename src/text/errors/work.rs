//! Words for longer errands (`MK-WORK-*`).

use super::{KEPT, UNTOUCHED, Words, both};

pub const WORK_UNKNOWN: Words = Words {
    title: both("There is no such errand on this handheld.", "本掌机上没有这项作业。"),
    money: UNTOUCHED,
    next: both("Look it up in the list of errands.", "请在作业列表中查找。"),
};

pub const WORK_PARTIAL: Words = Words {
    title: both("The errand is done in part only.", "作业只完成了一部分。"),
    money: both(
        "What was done is kept and is not done again.",
        "已完成的部分全部保留，不会重复执行。",
    ),
    next: both(
        "Look at the rows that are not done, then carry it on: Enter on its page, or --resume.",
        "请查看未完成的各项，然后在作业页面按Enter或用 --resume 继续。",
    ),
};

pub const WORK_WAITS: Words = Words {
    title: both("The errand waits for a person.", "作业正等待人工操作。"),
    money: KEPT,
    next: both(
        "Do what is asked, then carry it on: Enter on its page, or --resume.",
        "请按提示操作，再在作业页面按Enter或用 --resume 继续。",
    ),
};

pub const WORK_OPEN: Words = Words {
    title: both("Another errand is open at this meter.", "该表另有一项未完成的作业。"),
    money: KEPT,
    next: both("Finish or give up that one first.", "请先完成或放弃那一项。"),
};

pub const FIELD_ODD: Words = Words {
    title: both(
        "Something on the form is missing or cannot be right.",
        "表单中有一项未填写，或填写有误。",
    ),
    money: UNTOUCHED,
    next: both("Correct what is named there, and go on.", "请更正所指的一项，然后继续。"),
};

pub const READING_STANDS: Words = Words {
    title: both(
        "The meter itself has answered, or the round has ended: nothing is typed over that.",
        "该表已由设备读出，或抄表任务已结束：不能再人工录入。",
    ),
    money: KEPT,
    next: both("If the reading is wrong, begin a new round.", "如读数有误，请新建抄表任务。"),
};

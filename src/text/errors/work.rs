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

pub const ROUND_UNKNOWN: Words = Words {
    title: both(
        "There is no such round of the office on this handheld.",
        "本掌机上没有后台下发的这个抄表任务。",
    ),
    money: KEPT,
    next: both(
        "See 'meterkit round list'; if it is not there, sync, and else ask the office.",
        "请用 meterkit round list 查看；没有则先同步，仍没有请联系后台。",
    ),
};

pub const ROUND_OVER: Words = Words {
    title: both(
        "The office withdrew this round, or its time is over: it is not begun any more.",
        "该抄表任务已被后台撤回或已过期：不能再开始。",
    ),
    money: KEPT,
    next: both(
        "Ask the office for a new one. Rounds that were begun before go on.",
        "请后台另行下发。此前已开始的任务可以继续。",
    ),
};

pub const ROUND_BEGUN: Words = Words {
    title: both("This round of the office was begun already.", "后台的这个抄表任务已经开始。"),
    money: KEPT,
    next: both(
        "Go on with it: 'meterkit round read ID', with the id shown.",
        "请继续该任务：meterkit round read，编号见上。",
    ),
};

pub const ROUND_BAD: Words = Words {
    title: both(
        "The list of this round is not the one the office signed for this handheld.",
        "该抄表任务的清单不是后台为本掌机签发的。",
    ),
    money: KEPT,
    next: both(
        "Take nothing from it: sync, and ask the office for a new round.",
        "请勿使用：先同步，并请后台重新下发。",
    ),
};

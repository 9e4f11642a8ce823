//! The boxes of many users that a survey found, in words and as the sheet of a spreadsheet.

use crate::jobs::views::{BoxBasis, Sheet, SheetCell, SurveyBox, SurveyUser, SurveyView};
use crate::text::Lang;

/// A box on one line: its name, how many users it has and how many answered, how that is known.
pub fn summary(lang: Lang, one: &SurveyBox) -> String {
    let summary = lang.survey_box(&called(one), one.users.len(), found(one));
    format!("{summary}{}{}", lang.list_comma(), basis(lang, one.basis))
}

/// The sheet of boxes: one row a user.
pub fn sheet(lang: Lang, view: &SurveyView) -> Sheet {
    let text = |text: &str| SheetCell::Text(text.to_owned());
    let row = |one: &SurveyBox, user: &SurveyUser| {
        vec![
            text(&called(one)),
            SheetCell::Number(user.user.into()),
            text(&user.address),
            text(kind(lang, user)),
            text(if user.found { lang.survey_user_found() } else { lang.survey_user_missing() }),
            user.listed.map_or(SheetCell::Empty, |listed| SheetCell::Number(listed.into())),
            text(one.protocol.as_str()),
            text(&one.line),
            text(basis(lang, one.basis)),
        ]
    };
    let rows = view.boxes.iter().flat_map(|one| one.users.iter().map(move |user| row(one, user)));
    let head = [
        lang.column_box(),
        lang.column_user(),
        lang.column_address(),
        lang.column_phases(),
        lang.column_found(),
        lang.column_listed(),
        lang.column_protocol(),
        lang.column_settings(),
        lang.column_basis(),
    ];
    Sheet {
        name: lang.sheet_boxes().to_owned(),
        head: head.map(str::to_owned).to_vec(),
        rows: rows.collect(),
    }
}

/// Its name, else its first address on the line.
fn called(one: &SurveyBox) -> String {
    match one.users.first() {
        Some(user) if one.name.is_empty() => user.address.clone(),
        _ => one.name.clone(),
    }
}

fn found(one: &SurveyBox) -> usize {
    one.users.iter().filter(|user| user.found).count()
}

fn basis(lang: Lang, basis: BoxBasis) -> &'static str {
    match basis {
        BoxBasis::Counted => lang.box_counted(),
        BoxBasis::Listed => lang.box_listed(),
        BoxBasis::InARow => lang.box_in_a_row(),
    }
}

/// Single-phase or three-phase; nothing where it is not known.
pub fn kind(lang: Lang, user: &SurveyUser) -> &'static str {
    match user.wide {
        Some(true) => lang.user_three_phase(),
        Some(false) => lang.user_single_phase(),
        None => "",
    }
}

/// What is wrong with a user, if anything.
pub fn note(lang: Lang, user: &SurveyUser) -> String {
    match user.listed {
        Some(listed) if listed != user.user => lang.survey_user_listed(listed),
        _ if !user.found => lang.survey_user_missing().to_owned(),
        _ => String::new(),
    }
}

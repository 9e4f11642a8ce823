//! The phasor drawing in both sizes, with dots and in ASCII.

use meterkit::tui::widgets::phasor::Phasor;

fn drawing(angles: [i64; 3], backwards: bool) -> Phasor {
    Phasor::of(
        [Some(2_200); 3],
        [Some(5_000), Some(4_000), Some(2_500)],
        angles.map(Some),
        backwards,
    )
}

#[test]
fn arrows_are_named_and_stand_where_they_were_measured() {
    let right = drawing([182, 182, 182], false);
    let reversed = drawing([182, 182, 1_982], false);
    for (name, phasor) in [("right", &right), ("reversed_c", &reversed)] {
        for (width, height) in [(38, 15), (78, 20)] {
            for ascii in [false, true] {
                let lines = phasor.lines(width, height, ascii);
                assert_eq!(lines.len(), usize::from(height));
                assert!(lines.iter().all(|line| line.chars().count() == usize::from(width)));
                let text = lines.join("\n");
                for label in ["Ua", "Ub", "Uc", "Ia", "Ib", "Ic"] {
                    assert!(text.contains(label), "{label}\n{text}");
                }
                assert!(!ascii || text.is_ascii(), "{text}");
                let kind = if ascii { "ascii" } else { "dots" };
                let mut settings = insta::Settings::clone_current();
                settings.set_snapshot_path("../../../fixtures/screens");
                settings.set_prepend_module_to_snapshot(false);
                settings.set_omit_expression(true);
                let shown: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
                settings.bind(|| {
                    let file = format!("phasor_{name}_{width}x{height}_{kind}");
                    insta::assert_snapshot!(file, shown.join("\n").trim_matches('\n'));
                });
            }
        }
    }
}

#[test]
fn a_reversed_current_points_the_other_way() {
    let arrow = |phasor: &Phasor, name: &str| {
        phasor.arrows.iter().find(|arrow| arrow.name == name).unwrap().angle.rem_euclid(3_600)
    };
    let right = drawing([182, 182, 182], false);
    let reversed = drawing([182, 182, 1_982], false);
    assert_eq!((arrow(&right, "Uc"), arrow(&right, "Ic")), (2_400, 2_582));
    assert_eq!(arrow(&reversed, "Ic"), 2_582 - 1_800);
    let mirrored = drawing([182, 182, 182], true);
    assert_eq!(arrow(&mirrored, "Ub"), 2_400);
    // A current that is not there has no arrow, and a place too small no drawing.
    let none = Phasor::of([Some(2_200); 3], [None; 3], [None; 3], false);
    assert_eq!(none.arrows.len(), 3);
    assert!(none.lines(8, 4, true).iter().all(String::is_empty));
}

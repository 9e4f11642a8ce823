//! What the store remembers of longer errands and of meters in a special state.

use super::Store;
use super::index::{Tree, key};
use super::kv::IndexError;
use super::records::errand;
use super::rows::{MarkRow, StepRow};
use crate::units::{MeterNo, WorkId};

impl Store {
    /// All errands, the one touched last first: the step that is the errand itself.
    pub fn errands(&self) -> Vec<StepRow> {
        self.inner.ask(|index| {
            let mut rows = Vec::new();
            index.each(&key(Tree::Errand, &[]), |_, row| {
                rows.push(errand::decode_step(row)?);
                Ok::<_, IndexError>(())
            })?;
            rows.sort_by_key(|row: &StepRow| std::cmp::Reverse(row.seq));
            Ok(rows)
        })
    }

    /// One errand.
    pub fn errand(&self, id: WorkId) -> Option<StepRow> {
        self.inner.ask(|index| {
            let row = index.get(&key(Tree::Errand, &[&id.0]))?;
            Ok(row.map(|row| errand::decode_step(&row)).transpose()?)
        })
    }

    /// One step of an errand as last written.
    pub fn step(&self, id: WorkId, meter: Option<MeterNo>, name: &str) -> Option<StepRow> {
        self.inner.ask(|index| {
            let row = index.get(&index.step_key(id, meter, name))?;
            Ok(row.map(|row| errand::decode_step(&row)).transpose()?)
        })
    }

    /// The steps of an errand, in the order in which they were last written.
    pub fn steps(&self, id: WorkId) -> Vec<StepRow> {
        self.inner.ask(|index| {
            let mut rows = Vec::new();
            index.each(&key(Tree::Step, &[&id.0]), |_, row| {
                rows.push(errand::decode_step(row)?);
                Ok::<_, IndexError>(())
            })?;
            rows.sort_by_key(|row: &StepRow| row.seq);
            Ok(rows)
        })
    }

    /// All that is remembered of meters, oldest first.
    pub fn marks(&self) -> Vec<MarkRow> {
        self.inner.ask(|index| {
            let mut rows = Vec::new();
            index.each(&key(Tree::Mark, &[]), |_, row| {
                rows.push(errand::decode_mark(row)?);
                Ok::<_, IndexError>(())
            })?;
            rows.sort_by_key(|row: &MarkRow| row.seq);
            Ok(rows)
        })
    }

    /// What is remembered of one meter, oldest first.
    pub fn marks_of(&self, meter: MeterNo) -> Vec<MarkRow> {
        self.inner.ask(|index| {
            let mut rows = Vec::new();
            index.each(&index.meter_key(Tree::Mark, meter), |_, row| {
                rows.push(errand::decode_mark(row)?);
                Ok::<_, IndexError>(())
            })?;
            rows.sort_by_key(|row: &MarkRow| row.seq);
            Ok(rows)
        })
    }
}

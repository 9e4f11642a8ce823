//! The workers while somebody is logged in: begun with the log-in, ended with the log-out.

use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Sender, bounded};

use super::lines::Lines;
use super::{Common, ERRANDS, Shared, errands, office, ports};
use crate::jobs::views::{Failure, HomeView, Update};
use crate::jobs::{Session, failure, meters};
use crate::report::Code;
use crate::store::Store;

/// The open store, who works with it, and the workers.
pub(super) struct Works {
    pub shared: Arc<Shared>,
    pub lines: Lines,
    pub office: Sender<office::Errand>,
    pub ports: Sender<()>,
    pub errands: Sender<errands::Task>,
    threads: Vec<JoinHandle<()>>,
}

impl Shared {
    /// Sends the home screen.
    pub(super) fn tell_home(&self) {
        let home = {
            let mut home = super::lock(&self.home);
            *home = meters::home(&self.store, &self.session, self.moment(), &home);
            home.clone()
        };
        self.tell(Update::Home(home));
    }
}

impl Works {
    /// Starts the workers.
    pub(super) fn begin(
        common: &Arc<Common>,
        store: Store,
        session: Session,
    ) -> Result<Self, Failure> {
        let shared = Arc::new(Shared { common: common.clone(), store, session });
        let (office, office_inbox) = bounded(ERRANDS);
        let (ports, ports_inbox) = bounded(ERRANDS);
        let (errands, errands_inbox) = bounded(ERRANDS);
        let lines = Lines::new(shared.clone());
        let mut works = Self { shared, lines, office, ports, errands, threads: Vec::new() };
        works.spawn("office", move |shared| office::work(&shared, &office_inbox))?;
        works.spawn("errands", move |shared| errands::work(&shared, &errands_inbox))?;
        works.spawn("ports", move |shared| ports::work(&shared, &ports_inbox))?;
        Ok(works)
    }

    fn spawn(
        &mut self,
        name: &str,
        work: impl FnOnce(Arc<Shared>) + Send + 'static,
    ) -> Result<(), Failure> {
        let shared = self.shared.clone();
        let thread = std::thread::Builder::new().name(name.to_owned());
        let thread = thread
            .spawn(move || work(shared))
            .map_err(|error| failure::fail(Code::Internal, error.to_string()))?;
        self.threads.push(thread);
        Ok(())
    }

    /// Ends the workers; what is left is the store and who worked with it.
    pub(super) fn end(self) -> Arc<Shared> {
        let Self { shared, lines, office, ports, errands, threads } = self;
        drop((office, ports, errands));
        lines.end();
        for thread in threads {
            let _ = thread.join();
        }
        // Of the home screen only what is not of the store stays.
        let mut home = super::lock(&shared.home);
        let kept = HomeView {
            port: home.port.take(),
            demo: home.demo,
            network: home.network,
            ..HomeView::default()
        };
        *home = kept;
        drop(home);
        shared
    }
}

//! The one line of the scripted day, for whoever opens it: its clock goes on from one errand to the
//! next, as the meters' does.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::sim::serve::FleetStation;
use crate::transport::{Link, LinkError, Timing, VirtualLink};

/// A handle on the line.
#[derive(Clone)]
pub struct Wire(Arc<Mutex<VirtualLink<FleetStation>>>);

impl Wire {
    /// The line.
    pub fn new(link: VirtualLink<FleetStation>) -> Self {
        Self(Arc::new(Mutex::new(link)))
    }

    /// Lets time pass.
    pub fn pass(&self, by: Duration) {
        self.link().advance(by);
    }

    fn link(&self) -> MutexGuard<'_, VirtualLink<FleetStation>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Link for Wire {
    fn now(&self) -> Duration {
        self.link().now()
    }

    fn send(&mut self, bytes: &[u8]) -> Result<Duration, LinkError> {
        self.link().send(bytes)
    }

    fn recv(&mut self, buffer: &mut [u8], deadline: Duration) -> Result<usize, LinkError> {
        self.link().recv(buffer, deadline)
    }

    fn timing(&self) -> Timing {
        self.link().timing()
    }
}

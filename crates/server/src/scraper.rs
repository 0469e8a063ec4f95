//! The scrape manager behind the API.

use std::sync::Arc;

use model::labels::Labels;
use scrape::Manager;
use scrape::target::Targets;
use tokio::runtime::Handle;
use tsdb::Db;

use crate::config::Loaded;
use crate::parts::{EachMetadata, Scraper};
use crate::place::host_name;
use crate::state::State;

impl Scraper for Manager {
    fn apply(&self, loaded: &Loaded) -> Result<(), String> {
        let pairs = &loaded.external_labels;
        let labels = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        Self::apply(self, loaded.scrape_configs.clone(), &Labels::from_pairs(labels))
            .map_err(|error| error.to_string())
    }

    fn targets(&self) -> Targets {
        Self::targets(self)
    }

    fn pools(&self) -> Vec<String> {
        Self::pools(self)
    }

    fn metadata(&self, family: Option<&str>, each: EachMetadata<'_>) {
        Self::metadata(self, family, each);
    }
}

/// A manager that stores into `db`, without targets. Has to be called on the runtime.
pub(crate) fn manager(state: &State, db: &Arc<Db>) -> Manager {
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    Manager::new(scrape::Options {
        appendable: Arc::clone(db) as Arc<dyn model::port::Appendable>,
        clock: Arc::clone(&state.clock),
        registry: state.registry.clone(),
        runtime: Handle::current(),
        budget: Arc::clone(&state.budgets.scrapes),
        parse_yaml: state.config.target_files.0.clone(),
        hostname: host_name(),
        user_agent: format!("Prometheus/{}", state.config.version.version),
        append_metadata: false,
        readers_max: cpus * 2,
    })
}

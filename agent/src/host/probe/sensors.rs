//! Sensors: the hottest of them, and what the CPU packages take up.

use shared::host::HostMetric;

use super::super::source::Source;
use super::{Instrument, Look};

/// Most sensors that are read each second: servers have some dozens, and each read asks a chip.
const SENSORS_MAX: usize = 64;

/// Reads temperatures, and the energy counters of CPU packages.
#[derive(Debug)]
pub(super) struct Sensors {
    temperatures: Vec<String>,
    packages: Vec<Package>,
}

/// A CPU package's counter, which begins anew beyond its range.
#[derive(Debug)]
struct Package {
    file: String,
    range_uj: u64,
    last_uj: Option<u64>,
}

impl Sensors {
    /// Finds them.
    pub(super) fn new(source: &Source) -> Self {
        const ZONES: &str = "sys/class/thermal";
        const CHIPS: &str = "sys/class/hwmon";
        const POWER: &str = "sys/class/powercap";
        let zones = source.numbered(ZONES, "thermal_zone").unwrap_or_default();
        let zones = zones.into_iter().map(|(_, zone)| format!("{ZONES}/{zone}/temp"));
        let chips = source.numbered(CHIPS, "hwmon").unwrap_or_default();
        let inputs = chips.into_iter().flat_map(|(_, chip)| {
            let names = source.names(&format!("{CHIPS}/{chip}")).unwrap_or_default();
            let is_temperature = |name: &String| name.starts_with("temp") && name.ends_with("_input");
            names.into_iter().filter(is_temperature).map(move |name| format!("{CHIPS}/{chip}/{name}"))
        });
        let domains = source.names(POWER).unwrap_or_default();
        // `intel-rapl:0` is a package, `intel-rapl:0:1` a part of one, and the same again stands under `-mmio`.
        let is_package = |name: &String| name.matches(':').count() == 1 && name.contains("-rapl:");
        let package = |name: String| {
            let range_uj = source.number(&format!("{POWER}/{name}/max_energy_range_uj")).ok()?;
            Some(Package { file: format!("{POWER}/{name}/energy_uj"), range_uj, last_uj: None })
        };
        Self {
            temperatures: zones.chain(inputs).take(SENSORS_MAX).collect(),
            packages: domains.into_iter().filter(is_package).filter_map(package).collect(),
        }
    }
}

impl Instrument for Sensors {
    fn look(&mut self, look: &mut Look<'_>) {
        let millidegrees = |file: &String| look.source.value(file).ok()?.parse::<i32>().ok();
        let hottest = self.temperatures.iter().filter_map(millidegrees).max();
        look.sample.set_if_known(HostMetric::Temperature, hottest.map(|hottest| f64::from(hottest) / 1e3));
        let spent: Vec<Option<u64>> =
            self.packages.iter_mut().map(|package| package.spent_uj(look.source)).collect();
        // A package that tells nothing leaves nothing to say: the others are not all of them.
        let spent: Option<Vec<u64>> = spent.into_iter().collect();
        if let (Some(spent), Some(elapsed_s)) = (spent.filter(|spent| !spent.is_empty()), look.elapsed_s) {
            look.sample.set(HostMetric::Power, spent.iter().sum::<u64>() as f64 / 1e6 / elapsed_s);
        }
    }
}

impl Package {
    fn spent_uj(&mut self, source: &Source) -> Option<u64> {
        let now = source.number(&self.file).ok();
        let before = std::mem::replace(&mut self.last_uj, now);
        let (now, before) = (now?, before?);
        now.checked_sub(before).or_else(|| self.range_uj.checked_sub(before)?.checked_add(now))
    }
}

#[cfg(test)]
mod tests {
    use super::super::HostProbe;
    use super::*;
    use crate::host::source::tests::{root_with, write};

    #[test]
    fn the_hottest_sensor_speaks() {
        let root = root_with(&[
            ("sys/class/thermal/thermal_zone0/temp", "41000\n"),
            ("sys/class/hwmon/hwmon1/temp2_input", "67500\n"),
            ("sys/class/hwmon/hwmon1/fan1_input", "99000\n"),
        ]);
        assert_eq!(
            HostProbe::under(root.path()).sample().unwrap().value(HostMetric::Temperature),
            Some(67.5)
        );
    }

    #[test]
    fn energy_counts_on_beyond_its_range() {
        let package = "sys/class/powercap/intel-rapl:0";
        let part = "sys/class/powercap/intel-rapl:0:0/energy_uj";
        let counter = format!("{package}/energy_uj");
        let root =
            root_with(&[(&format!("{package}/max_energy_range_uj"), "1000"), (&counter, "900"), (part, "5")]);
        let mut package = Sensors::new(&Source::under(root.path())).packages.remove(0);
        let source = Source::under(root.path());
        assert_eq!(package.spent_uj(&source), None);
        write(root.path(), &[(&counter, "950")]);
        assert_eq!(package.spent_uj(&source), Some(50));
        write(root.path(), &[(&counter, "20")]);
        assert_eq!(package.spent_uj(&source), Some(70));
    }
}

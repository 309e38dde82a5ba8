//! CPU time of processes, from `/proc`, in seconds. The kernel counts in ticks of 10 ms.

/// Ticks per second of `/proc`'s times: USER_HZ, 100 on every Linux that matters here.
const TICKS_PER_S: f64 = 100.0;

/// User and system time that a process has used itself; `None`: it is gone.
pub fn of_process(pid: u32) -> Option<f64> {
    field_sum(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?, 11, 12)
}

/// User and system time of our children that have ended and were waited for.
pub fn of_ended_children() -> Option<f64> {
    field_sum(&std::fs::read_to_string("/proc/self/stat").ok()?, 13, 14)
}

/// Two fields of a stat line, counted from 0 after the program's name, which may hold anything.
fn field_sum(stat: &str, one: usize, other: usize) -> Option<f64> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(one)?.parse::<f64>().ok()? + fields.get(other)?.parse::<f64>().ok()?;
    Some(ticks / TICKS_PER_S)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_time_is_read_and_a_stranger_has_none() {
        assert!(of_process(std::process::id()).is_some());
        assert!(of_ended_children().is_some());
        assert_eq!(of_process(u32::MAX), None);
    }

    #[test]
    fn a_name_with_spaces_and_brackets_is_passed_over() {
        let stat = "7 (a b) c) S 1 1 1 0 -1 0 0 0 0 0 150 50 30 20 20 0";
        assert_eq!(field_sum(stat, 11, 12), Some(2.0));
        assert_eq!(field_sum(stat, 13, 14), Some(0.5));
    }
}

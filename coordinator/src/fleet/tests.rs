//! Facts about who is here.

use super::*;

pub(crate) fn agent(number: u8, host: &str) -> Introduction {
    let name = AgentName::new(format!("a{number}")).unwrap();
    Introduction {
        id: AgentId::new([number; 16]),
        facts: [("name".to_owned(), name.to_string())].into(),
        name,
        labels: BTreeMap::new(),
        fingerprint: Fingerprint { boot_id: Some(host.to_owned()), ..Fingerprint::default() },
        fleetmark_version: "0".to_owned(),
        slots: 1,
        kinds: vec!["http".to_owned()],
        refused_kinds: Vec::new(),
        may_run_programs: true,
        is_private: true,
        reservation: None,
        address: IpAddr::from([127, 0, 0, 1]),
        advertise: None,
        clock_namespace: None,
        holds: Vec::new(),
    }
}

const fn seconds(seconds: u64) -> Moment {
    Duration::from_secs(seconds)
}

#[test]
fn a_name_belongs_to_one_living_agent() {
    let mut fleet = Fleet::default();
    fleet.attach(seconds(0), agent(1, "h")).unwrap();
    let twin = Introduction { id: AgentId::new([9; 16]), ..agent(1, "h") };
    assert!(matches!(fleet.attach(seconds(1), twin.clone()), Err(AttachRefusal::NameTaken(_))));
    fleet.attach(seconds(2), agent(1, "h")).unwrap();
    fleet.detach(seconds(3), AgentId::new([1; 16]));
    fleet.attach(seconds(4), twin).unwrap();
}

#[test]
fn a_leased_agent_is_waited_for_and_then_lost() {
    for (mut fleet, lost_after) in [(Fleet::default(), LOST_AFTER), (Fleet::new(seconds(2)), seconds(2))] {
        let run = RunId::new(1, [0; 10]);
        fleet.attach(seconds(0), agent(1, "h")).unwrap();
        fleet.lease(run, &[AgentId::new([1; 16])]);
        fleet.detach(seconds(10), AgentId::new([1; 16]));
        assert!(fleet.expire(seconds(10) + lost_after - Duration::from_nanos(1)).is_empty());
        let lost = fleet.expire(seconds(10) + lost_after);
        assert_eq!(lost.iter().map(|(_, _, lease)| *lease).collect::<Vec<_>>(), [Some(run)]);
        assert!(fleet.is_empty());
    }
}

#[test]
fn a_drained_agent_finishes_and_takes_no_more_even_after_its_link_broke() {
    let mut fleet = Fleet::default();
    let run = RunId::new(1, [0; 10]);
    fleet.attach(seconds(0), agent(1, "h")).unwrap();
    fleet.lease(run, &[AgentId::new([1; 16])]);
    assert_eq!(fleet.drain(&AgentName::new("a9").unwrap()), None);
    assert_eq!(fleet.drain(&AgentName::new("a1").unwrap()), Some(Some(run)));
    assert_eq!(fleet.statuses(seconds(1))[0].state, AgentState::Draining);
    fleet.release(run);
    fleet.detach(seconds(2), AgentId::new([1; 16]));
    fleet.attach(seconds(3), agent(1, "h")).unwrap();
    assert_eq!(fleet.statuses(seconds(3))[0].state, AgentState::Draining);
    fleet.detach(seconds(4), AgentId::new([1; 16]));
    assert_eq!(fleet.expire(seconds(4) + LOST_AFTER).len(), 1, "it is not remembered for ever");
    fleet.attach(seconds(90), agent(1, "h")).unwrap();
    assert_eq!(fleet.statuses(seconds(90))[0].state, AgentState::Idle);
}

#[test]
fn an_agent_whose_process_was_started_anew_is_lost_at_once() {
    let mut fleet = Fleet::default();
    let run = RunId::new(1, [0; 10]);
    fleet.attach(seconds(0), agent(1, "h")).unwrap();
    fleet.lease(run, &[AgentId::new([1; 16])]);
    fleet.detach(seconds(1), AgentId::new([1; 16]));
    assert!(fleet.expire(seconds(2)).is_empty());
    fleet.attach(seconds(2), Introduction { id: AgentId::new([9; 16]), ..agent(1, "h") }).unwrap();
    let lost: Vec<AgentId> = fleet.expire(seconds(2)).into_iter().map(|(id, _, _)| id).collect();
    assert_eq!(lost, [AgentId::new([1; 16])]);
    assert_eq!(fleet.statuses(seconds(2)).len(), 1);
}

#[test]
fn a_returning_agent_keeps_its_lease() {
    let mut fleet = Fleet::default();
    let run = RunId::new(1, [0; 10]);
    fleet.attach(seconds(0), agent(1, "h")).unwrap();
    fleet.lease(run, &[AgentId::new([1; 16])]);
    fleet.detach(seconds(1), AgentId::new([1; 16]));
    fleet.attach(seconds(2), agent(1, "h")).unwrap();
    assert_eq!(fleet.statuses(seconds(2))[0].state, AgentState::Leased);
    assert!(fleet.expire(seconds(500)).is_empty());
}

#[test]
fn agents_reach_each_other_by_loopback_by_what_they_say_or_by_where_they_called_from() {
    let mut fleet = Fleet::default();
    let called_from = |number: u8, address: &str, advertise: Option<&str>| Introduction {
        address: address.parse().unwrap(),
        advertise: advertise.map(|host| HostAddress::new(host).unwrap()),
        ..agent(number, &format!("h{number}"))
    };
    fleet.attach(seconds(0), called_from(1, "192.0.2.1", None)).unwrap();
    fleet.attach(seconds(0), called_from(2, "2001:db8::2", None)).unwrap();
    fleet.attach(seconds(0), called_from(3, "192.0.2.3", Some("db-3.example"))).unwrap();
    fleet.attach(seconds(0), called_from(4, "192.0.2.4", Some("fd00::4"))).unwrap();
    let host = |number: u8, users: &[u8]| {
        let users: Vec<AgentId> = users.iter().map(|user| AgentId::new([*user; 16])).collect();
        fleet.host_of(AgentId::new([number; 16]), &users)
    };
    let hosts = [1, 2, 3, 4].map(|number| host(number, &[9]));
    assert_eq!(hosts, ["192.0.2.1", "[2001:db8::2]", "db-3.example", "[fd00::4]"]);
    assert_eq!((host(1, &[1]), host(3, &[3, 3])), ("127.0.0.1".to_owned(), "127.0.0.1".to_owned()));
    assert_eq!(host(3, &[3, 1]), "db-3.example", "somebody is elsewhere");
}

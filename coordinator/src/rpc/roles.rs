//! Which call needs which role: one table, and nothing that is not in it is served.

use crate::admission::needs::{Denial, Needs};
use crate::admission::peer::Who;

const AGENT: Needs = Needs::AGENT;
const OPERATOR: Needs = Needs::OPERATOR;
const READER: Needs = Needs::READER;

/// Every call.
const TABLE: &[(&str, Needs)] = &[
    ("/fleetmark.v1.AgentService/Attach", AGENT),
    ("/fleetmark.v1.AgentService/Report", AGENT),
    ("/fleetmark.v1.AgentService/SendProfile", AGENT),
    ("/fleetmark.v1.ControlService/Describe", READER),
    ("/fleetmark.v1.ControlService/Submit", OPERATOR),
    ("/fleetmark.v1.ControlService/Watch", READER),
    ("/fleetmark.v1.ControlService/Cancel", OPERATOR),
    ("/fleetmark.v1.ControlService/ListRuns", READER),
    ("/fleetmark.v1.ControlService/Show", READER),
    ("/fleetmark.v1.ControlService/RemoveRun", OPERATOR),
    ("/fleetmark.v1.ControlService/ListAgents", READER),
    ("/fleetmark.v1.ControlService/DrainAgent", OPERATOR),
    ("/fleetmark.v1.ControlService/Export", READER),
    ("/fleetmark.v1.ControlService/ReadProfile", READER),
    ("/fleetmark.v1.ControlService/CheckStore", READER),
    ("/fleetmark.v1.ControlService/CompactStore", OPERATOR),
    ("/fleetmark.v1.ControlService/PruneStore", OPERATOR),
    ("/fleetmark.v1.ControlService/ExportStore", OPERATOR),
    ("/fleetmark.v1.ControlService/ImportStore", OPERATOR),
    ("/fleetmark.v1.ControlService/SetBaseline", OPERATOR),
    ("/fleetmark.v1.ControlService/ListBaselines", READER),
    ("/fleetmark.v1.ControlService/RemoveBaseline", OPERATOR),
    ("/fleetmark.v1.ControlService/ReadFigures", READER),
    ("/fleetmark.v1.ControlService/ReadHistory", READER),
    ("/fleetmark.v1.TrustService/Enrol", Needs::Nothing),
    ("/fleetmark.v1.TrustService/Renew", Needs::Certificate),
    ("/fleetmark.v1.TrustService/CreateToken", OPERATOR),
    ("/fleetmark.v1.TrustService/ListCertificates", OPERATOR),
    ("/fleetmark.v1.TrustService/RevokeCertificate", OPERATOR),
    ("/fleetmark.v1.TrustService/RotateAuthority", OPERATOR),
    ("/fleetmark.v1.TrustService/ReadAudit", OPERATOR),
    ("/fleetmark.v1.TrustService/CreateWebToken", READER),
];

/// Whether somebody may make a call.
///
/// # Errors
/// When not, with the reason.
pub(crate) fn check(who: &Who, call: &str) -> Result<(), Denial> {
    let needs = TABLE.iter().find(|(name, _)| *name == call).ok_or(Denial::NoSuchCall)?.1;
    needs.check(who)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use trust::certificate::{Holder, HolderName};
    use trust::role::Role;

    use super::*;

    fn known(role: Role) -> Who {
        let name = HolderName::new("x").unwrap();
        let serial = "ab".repeat(16).parse().unwrap();
        Who::Known(Arc::new(Holder { name, role, serial, from_s: 0, until_s: u64::MAX }))
    }

    fn may(who: &Who) -> Vec<&'static str> {
        let name = |call: &'static str| call.rsplit('/').next().unwrap();
        proto::CALLS.iter().filter(|call| check(who, call).is_ok()).map(|call| name(call)).collect()
    }

    /// Every call of every service, with every role and with none.
    #[test]
    fn the_table_is_complete_and_says_what_is_meant() {
        let listed: Vec<&str> = TABLE.iter().map(|(call, _)| *call).collect();
        assert_eq!(listed, proto::CALLS, "every call of the services stands in the table, in their order");
        assert_eq!(may(&Who::Unasked).len(), proto::CALLS.len());
        assert_eq!(may(&Who::Newcomer), ["Enrol"]);
        assert_eq!(may(&known(Role::Agent)), ["Attach", "Report", "SendProfile", "Enrol", "Renew"]);
        let reads = [
            "Describe",
            "Watch",
            "ListRuns",
            "Show",
            "ListAgents",
            "Export",
            "ReadProfile",
            "CheckStore",
            "ListBaselines",
            "ReadFigures",
            "ReadHistory",
            "Enrol",
            "Renew",
            "CreateWebToken",
        ];
        assert_eq!(may(&known(Role::Viewer)), reads);
        let operator = may(&known(Role::Operator));
        assert!(!["Attach", "Report", "SendProfile"].iter().any(|call| operator.contains(call)));
        assert_eq!(operator.len(), proto::CALLS.len() - 3);
        assert_eq!(may(&known(Role::Coordinator)), ["Enrol", "Renew"]);
    }

    #[test]
    fn a_denial_says_what_is_needed() {
        let denied = check(&known(Role::Viewer), "/fleetmark.v1.ControlService/Submit").unwrap_err();
        assert_eq!(denied.to_string(), "viewer may not do this: it needs the role operator");
        assert_eq!(check(&Who::Unasked, "/grpc.reflection/List"), Err(Denial::NoSuchCall));
    }
}

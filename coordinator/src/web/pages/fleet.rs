//! The fleet: every agent, whether it can be used and for what it is used now, what its host is and how busy.

use axum::body::Body;
use http::{Response, StatusCode};
use maud::{Markup, html};
use report::chart::spark;
use shared::fleet::AgentStatus;
use shared::units::{human_ns, human_share};

use super::super::answer;
use super::super::api::refusal;
use super::super::guard::Visit;
use super::{inside, short};

/// Shows it.
pub(in crate::web) async fn page(visit: Visit) -> Response<Body> {
    match visit.site.control.agents().await {
        Ok(agents) => {
            let onlookers = visit.site.ingest.onlookers();
            let rows: Vec<_> = agents.into_iter().map(|agent| (onlookers.cpu_of(agent.id), agent)).collect();
            answer::page(StatusCode::OK, listed(&rows))
        }
        Err(error) => refusal::page(error),
    }
}

const HEADER: [&str; 10] =
    ["agent", "state", "run", "CPU", "workloads", "slots", "labels", "facts", "clock", "heard of"];

fn listed(agents: &[(Vec<f64>, AgentStatus)]) -> Markup {
    inside(
        "/fleet",
        "Fleet",
        html! {
            h1 { "Fleet" }
            div id="fleet" data-refresh="2" {
                @if agents.is_empty() {
                    p { "No agents are attached. On a host that is to make load, type" }
                    pre { code { "fleetmark agent --coordinator URL" } }
                } @else {
                    div.scroll tabindex="0" role="region" aria-label="Agents" {
                        table.list {
                            thead { tr { @for name in HEADER { th scope="col" { (name) } } } }
                            tbody { @for (cpu, agent) in agents { (row(cpu, agent)) } }
                        }
                    }
                }
            }
        },
    )
}

fn row(cpu: &[f64], agent: &AgentStatus) -> Markup {
    let state = agent.state.as_str();
    let run = agent.lease.as_deref().map(|lease| lease.split('/').next().unwrap_or(lease));
    html! {
        tr {
            th scope="row" { (agent.name) }
            td.{ "is-" (state) } { (state) }
            td { @if let Some(run) = run { a href=(format!("/runs/{run}")) { (short(run)) } } @else { "–" } }
            td { (busy(cpu)) }
            td { (agent.kinds.join(" ")) }
            td { (agent.slots) }
            td { @for (key, value) in &agent.labels { span.tag { (key) "=" (value) } " " } }
            td { (facts(agent)) }
            td { (clock(agent)) }
            td { (format!("{:.1} s ago", agent.last_seen_ms_ago as f64 / 1e3)) }
        }
    }
}

/// Agents tell how busy their hosts are while they measure.
fn busy(cpu: &[f64]) -> Markup {
    let Some(last) = cpu.last() else { return html! { "–" } };
    let says = format!(
        "busy in the last {} s that were reported; in the last one {}",
        cpu.len(),
        human_share(*last)
    );
    html! { (spark::chart(cpu, &says)) " " (human_share(*last)) }
}

fn facts(agent: &AgentStatus) -> Markup {
    let told = ["cores", "memory", "arch"].iter().filter_map(|key| Some((key, agent.facts.get(*key)?)));
    let told: Vec<String> = told.map(|(key, value)| format!("{key}={value}")).collect();
    html! {
        details {
            summary { (if told.is_empty() { format!("{} facts", agent.facts.len()) } else { told.join(" ") }) }
            dl.facts {
                @for (key, value) in &agent.facts { dt { (key) } dd { (value) } }
                dt { "fleetmark" } dd { (agent.fleetmark_version) }
                dt { "process" } dd { (agent.id) }
            }
        }
    }
}

fn clock(agent: &AgentStatus) -> String {
    match (agent.clock_offset_us, agent.clock_error_us) {
        (Some(offset_us), Some(error_us)) => {
            let sign = if offset_us < 0.0 { "−" } else { "+" };
            format!("{sign}{} ± {}", human_ns(offset_us.abs() * 1e3), human_ns(error_us * 1e3))
        }
        _ => "–".to_owned(),
    }
}

// Movement, and nothing else: without this script every page shows the same and is loaded anew by hand.
"use strict";

// Replaces what a region holds, and keeps open what was open and in focus what was.
function show(region, html) {
  const details = () => [...region.querySelectorAll("details")];
  const stops = () => [...region.querySelectorAll("[tabindex], a, summary")];
  const open = details().map((one) => one.open);
  const focused = stops().indexOf(document.activeElement);
  region.innerHTML = html;
  details().forEach((one, place) => { if (open[place]) one.open = true; });
  if (focused >= 0) stops()[focused]?.focus({ preventScroll: true });
}

// A run: told of each change, the server draws what stands there now.
function follow(region) {
  const events = new EventSource(region.dataset.events);
  let isBusy = false;
  events.onmessage = async (event) => {
    const now = JSON.parse(event.data);
    if (["finished", "failed", "cancelled"].includes(now.state)) {
      events.close();
      location.reload();
      return;
    }
    if (isBusy || document.hidden) return;
    isBusy = true;
    try {
      const answer = await fetch(region.dataset.live);
      if (answer.ok) show(region, await answer.text());
    } catch {
      // The stream says when the coordinator is back.
    } finally {
      isBusy = false;
    }
  };
}

// A list: the page is fetched again, and its region taken from it.
function refresh(region) {
  setInterval(async () => {
    if (document.hidden || region.contains(document.activeElement)) return;
    try {
      const answer = await fetch(location.href);
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById(region.id);
      if (fresh && !region.querySelector("input:checked")) show(region, fresh.innerHTML);
    } catch {
      // It is tried again soon.
    }
  }, 1000 * Number(region.dataset.refresh));
}

document.querySelectorAll("[data-events]").forEach(follow);
document.querySelectorAll("[data-refresh]").forEach(refresh);

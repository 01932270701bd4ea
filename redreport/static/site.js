// Improves pages that work without it: the reader's own time, one click per form, what is left of a hold, seats as they go, the
// focus on a result, buttons that copy, a page that looks again by itself.

const BUSY_FOR_MS = 20_000;
const SEATS_EVERY_MS = 30_000;
const LONGEST_WAIT_MS = 600_000;

// What is said to who hears the page and does not see it; one voice, which interrupts nobody.
const voice = document.createElement("p");
voice.className = "hidden-words";
voice.setAttribute("aria-live", "polite");
(document.querySelector("footer") ?? document.body).append(voice);

function say(words) {
  voice.textContent = "";
  // A moment later, so that the same words are heard a second time.
  setTimeout(() => { voice.textContent = words; }, 100);
}

// The reader's own time

function inOwnTime(instant) {
  const parts = {};
  const style = { weekday: "short", day: "numeric", month: "short", hour: "numeric", minute: "2-digit", hour12: true };
  for (const { type, value } of new Intl.DateTimeFormat("en-US", style).formatToParts(instant)) parts[type] = value;
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
  const city = zone.split("/").pop().replaceAll("_", " ");
  const clock = `${parts.hour}:${parts.minute} ${(parts.dayPeriod ?? "").toLowerCase()}`;
  return `Your time: ${parts.weekday} ${parts.day} ${parts.month}, ${clock}${city ? ` (${city})` : ""}`;
}

function printOwnTimes() {
  for (const slot of document.querySelectorAll("[data-your-time]")) {
    slot.textContent = inOwnTime(new Date(slot.dataset.yourTime));
  }
}

// One click per form

// The server refuses a second submission too; this only spares the reader the wait and the doubt.
function guardAgainstSecondClick(event) {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.busy) {
    event.preventDefault();
    return;
  }
  form.dataset.busy = "yes";
  const button = event.submitter ?? form.querySelector("button");
  if (!button) return;
  button.dataset.label = button.textContent;
  button.setAttribute("aria-disabled", "true");
  button.textContent = button.dataset.busyLabel ?? "One moment…";
  say(button.textContent);
  setTimeout(() => release(form), BUSY_FOR_MS);
}

function release(form) {
  delete form.dataset.busy;
  for (const button of document.querySelectorAll("button[data-label]")) {
    if (button.form !== form) continue;
    button.textContent = button.dataset.label;
    button.removeAttribute("aria-disabled");
    delete button.dataset.label;
  }
}

// A form for several attendees: as many fields as seats, and what they cost, without asking the server.

function showAttendees(select) {
  const seats = Number(select.value), form = select.form;
  for (const group of form.querySelectorAll("[data-attendee]")) {
    group.hidden = group.disabled = Number(group.dataset.attendee) > seats;
  }
  const words = form.querySelector("[data-many]");
  words.querySelector("button").textContent = seats === 1 ? words.dataset.one : words.dataset.many;
  const total = document.querySelector("[data-each]");
  if (!total) return;
  const money = new Intl.NumberFormat("en-US", { style: "currency", currency: total.dataset.currency, trailingZeroDisplay: "stripIfInteger" });
  const [count, sum] = total.querySelectorAll("span");
  count.textContent = `${seats} seat${seats === 1 ? "" : "s"}`;
  sum.textContent = money.format((seats * total.dataset.each) / 100);
}

function growWithSeats() {
  const select = document.querySelector("select[data-seats]");
  if (!select) return;
  // It has nothing left to do, and must not be what Enter presses.
  select.form.querySelector("button[name=show]").parentElement.remove();
  select.addEventListener("change", () => showAttendees(select));
  showAttendees(select);
}

// Countdowns. The server says how many seconds are left: this clock may be wrong.

function timeLeft(seconds) {
  const minutes = Math.ceil(seconds / 60);
  if (minutes >= 120) return `${Math.floor(minutes / 60)} hours left`;
  if (minutes > 1) return `${minutes} minutes left`;
  return seconds > 0 ? "less than a minute left" : "time is up";
}

function timeToOpening(seconds) {
  const hours = Math.floor(seconds / 3600);
  if (hours >= 48) return `, in ${Math.floor(hours / 24)} days`;
  if (hours >= 1) return `, in ${hours} hour${hours === 1 ? "" : "s"}`;
  if (seconds > 0) return `, in ${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  return ": it is open now";
}

// When a door has opened the page is fetched anew, a moment later for each reader, but never from under what is being typed.
function fetchOpenDoor() {
  const isTyping = [...document.querySelectorAll("textarea, input")].some((field) => field.value !== field.defaultValue);
  if (isTyping) return false;
  setTimeout(() => location.replace(location.pathname), 1000 + 2000 * Math.random());
  return true;
}

function countDown() {
  const slots = new Map();
  for (const slot of document.querySelectorAll("[data-ends-in], [data-opens-in]")) {
    slots.set(slot, Date.now() + 1000 * (slot.dataset.endsIn ?? slot.dataset.opensIn));
  }
  function print() {
    for (const [slot, moment] of slots) {
      const seconds = Math.max(0, Math.ceil((moment - Date.now()) / 1000));
      const isDoor = "opensIn" in slot.dataset;
      const words = isDoor ? timeToOpening(seconds) : timeLeft(seconds);
      if (slot.textContent !== words) slot.textContent = words;
      if (seconds === 0 && (!isDoor || fetchOpenDoor())) slots.delete(slot);
    }
    if (slots.size) setTimeout(print, 1000);
  }
  print();
}

// What is asked again and again: only while the page is seen, and ever more rarely while no answer comes.

function keepAsking(look, everyMs) {
  let timer, due, failures = 0, isAsking = false;
  function plan() {
    clearTimeout(timer);
    if (!document.hidden && !isAsking) timer = setTimeout(ask, Math.max(0, due - Date.now()));
  }
  async function ask() {
    isAsking = true;
    try {
      await look();
      failures = 0;
    } catch {
      failures += 1;
    }
    isAsking = false;
    due = Date.now() + Math.min(everyMs * 2 ** failures, LONGEST_WAIT_MS);
    plan();
  }
  due = Date.now() + everyMs;
  document.addEventListener("visibilitychange", plan);
  plan();
}

async function get(address, options) {
  const answer = await fetch(address, { ...options, signal: AbortSignal.timeout(15_000) });
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  return answer;
}

// A page that waits for somebody else says so by this mark, and beside it how far things are that it shows. It is loaded anew once
// it would say something else: that the wait is over, or that things are further.
function lookAgain() {
  const waiting = document.querySelector("[data-look-again]");
  if (!waiting) return;
  const { lookAgain: seconds, seen } = waiting.dataset;
  const mark = `data-look-again="${seconds}"${seen ? ` data-seen="${seen}"` : ""}`;
  keepAsking(async () => {
    const page = await (await get(location.href)).text();
    if (!page.includes(mark)) location.reload();
  }, 1000 * seconds);
}

// Seats as they go. What the page shows is put right where it stands; what a reader can do changes with a reload alone, so that
// nothing moves under a finger.

const NEWS = {
  on_sale: "A seat is free.",
  sold_out: "The last seat is taken.",
  started: "This session has started.",
  ended: "This session is over.",
  canceled: "This session is canceled.",
};

function offerReload(news, words) {
  const link = document.createElement("a");
  link.href = location.pathname;
  link.textContent = "Reload this page";
  news.replaceChildren(`${words} `, link);
}

// Whether what the page says of seats was not so any more; now it is.
function putSeatsRight(seats, now) {
  const words = seats?.querySelector("span"), meter = seats?.querySelector("meter");
  if (!words || !["on_sale", "sold_out"].includes(now.state) || words.textContent === now.words) return false;
  words.textContent = now.words;
  words.classList.toggle("seats-few", now.few);
  if (meter) [meter.max, meter.value] = [now.capacity, now.seats_left];
  return true;
}

function showSeats(news, now) {
  const isPutRight = putSeatsRight(news.closest("section").querySelector(".seats"), now);
  const told = news.dataset.told ?? "";
  let change = now.state === news.dataset.state ? "" : NEWS[now.state];
  if (now.starts_at !== news.dataset.startsAt) change = "This session was moved.";
  news.dataset.told = change;
  news.classList.toggle("hidden-words", !change);
  if (change && change !== told) offerReload(news, change);
  if (!change && (isPutRight || told)) news.textContent = now.words;
}

function watchSeats() {
  for (const news of document.querySelectorAll("[data-seats-at]")) {
    // Without cookies: the answer is the same for everybody, and a cache on the way may give it.
    keepAsking(async () => showSeats(news, await (await get(news.dataset.seatsAt, { credentials: "omit" })).json()), SEATS_EVERY_MS);
  }
}

// Buttons that copy, where the browser lets us.

function offerCopies() {
  if (!navigator.clipboard?.writeText) return;
  for (const text of document.querySelectorAll("[data-copy]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.setAttribute("aria-label", `Copy ${text.dataset.copy}`);
    button.addEventListener("click", () => copy(text, button));
    text.after(" ", button);
  }
}

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text.textContent.trim());
    button.textContent = "Copied";
  } catch {
    button.textContent = "Not copied";
  }
  say(button.textContent);
  setTimeout(() => { button.textContent = "Copy"; }, 3000);
}

document.addEventListener("submit", guardAgainstSecondClick);
addEventListener("pageshow", (event) => {
  if (event.persisted) for (const form of document.querySelectorAll("form[data-busy]")) release(form);
});
addEventListener("pageshow", growWithSeats, { once: true });
printOwnTimes();
countDown();
offerCopies();
watchSeats();
lookAgain();
// Browsers that know `autofocus` on any element do this by themselves.
if (!("autofocus" in HTMLElement.prototype)) document.querySelector("[autofocus]")?.focus();

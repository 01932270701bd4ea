// Improves pages that work without it: the reader's own time, one click per form, the focus on an error, a page that looks again by itself.

const BUSY_FOR_MS = 20_000;

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

function timeLeft(minutes) {
  if (minutes >= 120) return `${Math.floor(minutes / 60)} hours left`;
  if (minutes > 1) return `${minutes} minutes left`;
  return minutes === 1 ? "less than a minute left" : "time is up";
}

// A deadline such as that of a held seat: '34 minutes left' beside the printed time.
function printTimeLeft() {
  for (const slot of document.querySelectorAll("[data-until]")) {
    const minutes = Math.ceil((new Date(slot.dataset.until) - Date.now()) / 60_000);
    const words = timeLeft(minutes);
    if (slot.textContent !== words) slot.textContent = words;
  }
}

// A form for several attendees: as many fields as seats, and what they cost, without asking the server.
function showAttendees(select) {
  const seats = Number(select.value), form = select.form;
  for (const group of form.querySelectorAll("[data-attendee]")) {
    group.hidden = group.disabled = Number(group.dataset.attendee) > seats;
  }
  const button = form.querySelector("button[data-many]");
  button.textContent = seats === 1 ? button.dataset.one : button.dataset.many;
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

// A door that is still closed: ', in 2:05'. The server says how many seconds are left: this clock may be wrong. When the time has come
// the page is fetched anew, a moment later for each reader, but never from under a question that is being typed.
const opensAt = new Map();

function printTimeToOpening() {
  for (const [slot, moment] of opensAt) {
    const seconds = Math.ceil((moment - Date.now()) / 1000);
    const words = seconds <= 0 ? ": it is open now" : seconds < 3600 ? `, in ${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}` : "";
    if (slot.textContent !== words) slot.textContent = words;
    const isTyping = [...document.querySelectorAll("textarea")].some((field) => field.value !== field.defaultValue);
    if (seconds > 0 || isTyping) continue;
    opensAt.delete(slot);
    setTimeout(() => location.replace(location.pathname), 1000 + 2000 * Math.random());
  }
}

function countDown() {
  for (const slot of document.querySelectorAll("[data-opens-in]")) opensAt.set(slot, Date.now() + 1000 * slot.dataset.opensIn);
  printTimeToOpening();
  setInterval(printTimeToOpening, 1000);
}

function lookAgain() {
  const waiting = document.querySelector("[data-look-again]");
  if (waiting) setTimeout(() => location.reload(), Number(waiting.dataset.lookAgain) * 1000);
}

document.addEventListener("submit", guardAgainstSecondClick);
addEventListener("pageshow", (event) => {
  if (event.persisted) for (const form of document.querySelectorAll("form[data-busy]")) release(form);
});
addEventListener("pageshow", growWithSeats, { once: true });
printOwnTimes();
printTimeLeft();
setInterval(printTimeLeft, 10_000);
countDown();
lookAgain();
// Browsers that know `autofocus` on any element do this by themselves.
if (!("autofocus" in HTMLElement.prototype)) document.querySelector(".error-summary")?.focus();

// On the profile: the zone the browser is set to, offered where it is not chosen yet.
function offerOwnZone() {
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  for (const hint of document.querySelectorAll("[data-zone-hint]")) {
    const list = document.getElementById(hint.dataset.zoneHint);
    const isListed = [...(list?.options ?? [])].some((option) => option.value === own);
    if (!isListed || list.value === own) continue;
    hint.querySelector("[data-zone]").textContent = own.replaceAll("_", " ");
    hint.querySelector("button").addEventListener("click", () => {
      list.value = own;
      hint.hidden = true;
      list.focus();
    });
    hint.hidden = false;
  }
}

offerOwnZone();

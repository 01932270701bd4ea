// Passkeys: the browser asks for the finger, the face or the PIN, and what it answers goes to the server in the form's hidden field.
// Needs allauth's webauthn-json.js before it. Forms of passkeys stay hidden where the browser has none of both.

async function optionsOf(form) {
  if (!("passkeyAsks" in form.dataset)) return JSON.parse(document.getElementById("passkey-options").textContent);
  // Who signs in is not known yet: the challenge is fetched when it is wanted.
  const answer = await fetch(form.action, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  return answer.json();
}

async function usePasskey(event) {
  // Not the page's own submission, which would be counted as the form's only one.
  event.preventDefault();
  event.stopPropagation();
  const form = event.currentTarget;
  const button = form.querySelector("button");
  const trouble = form.querySelector("[data-passkey-trouble]");
  button.disabled = trouble.hidden = true;
  try {
    const options = await optionsOf(form);
    const credential = options.creation_options
      ? await window.webauthnJSON.create(options.creation_options)
      : await window.webauthnJSON.get(options.request_options);
    form.elements.credential.value = JSON.stringify(credential);
    form.submit();
  } catch {
    // Also when the reader closed the browser's question: it tells no difference.
    trouble.hidden = button.disabled = false;
  }
}

if (window.PublicKeyCredential && window.webauthnJSON) {
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.hidden = false;
    form.addEventListener("submit", usePasskey);
  }
}

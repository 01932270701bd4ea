"""Eyes on the browser: whatever a reader's console would show as wrong, and whatever leaves this machine, is written down."""

from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Request, Response, WebError

REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`refused by the content security policy: ${event.violatedDirective} ${event.blockedURI}`));
"""
# Chromium's line about any answer from 400 on. Whether such an answer was meant is told by the answers themselves.
ANSWER_IN_CONSOLE = "Failed to load resource: the server responded with a status of"


class Watch:
    """`problems` says in words what went wrong in any page of this browser profile; `origins` are those it may ask."""

    def __init__(self, context: BrowserContext, origins: set[str]) -> None:
        self.problems: list[str] = []
        # Whoever opens a page that must break says so beforehand.
        self.expects_fault = False
        self._origins = origins
        context.add_init_script(REPORT_VIOLATIONS)
        context.on("console", self._on_console)
        context.on("weberror", self._on_error)
        context.on("request", self._on_request)
        context.on("response", self._on_response)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(ANSWER_IN_CONSOLE):
            self.problems.append(f"console: {message.text}")

    def _on_error(self, error: WebError) -> None:
        self.problems.append(f"script: {error.error}")

    def _on_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme != "data" and f"{parts.scheme}://{parts.netloc}" not in self._origins:
            self.problems.append(f"asked another host: {request.url}")

    def _on_response(self, response: Response) -> None:
        meant = response.request.is_navigation_request() and (response.status != 500 or self.expects_fault)
        if response.status >= 400 and not meant:
            self.problems.append(f"{response.status}: {response.url}")

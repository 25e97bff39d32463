"""A fake chat model: it calls the first offered tool, and then reports that it is done."""

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.plugins.n8n.server import N8n, node

DONE = "I have asked."


@dataclass
class ChatModel:
    """A chat model with the interface of OpenAI's chat completions.

    It keeps its prompts and offered tools; *arguments* are for the call.
    """

    arguments: Mapping[str, Any]
    requests: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        self.requests.append(request)
        message: dict[str, Any] = {"role": "assistant", "content": DONE}
        if request["messages"][-1]["role"] != "tool":
            name = request["tools"][0]["function"]["name"]
            called = {"name": name, "arguments": json.dumps(dict(self.arguments))}
            message["tool_calls"] = [{"id": "call_1", "type": "function", "function": called}]
            message["content"] = None
        reason = "tool_calls" if "tool_calls" in message else "stop"
        return {
            "id": "chat_1",
            "object": "chat.completion",
            "created": 1,
            "model": request["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": reason}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        }

    def results(self) -> list[str]:
        messages = [message for request in self.requests for message in request["messages"]]
        return [str(message["content"]) for message in messages if message["role"] == "tool"]


@contextlib.contextmanager
def served(model: ChatModel) -> Iterator[ChatModel]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            answer = json.dumps(model.answer(json.loads(body))).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    model.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield model
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def make_agent(n8n: N8n, model: ChatModel, tool: Mapping[str, Any]) -> str:
    """Make a workflow in which an agent has *model* and the node *tool*; return its id. Its trigger is ``Start``."""
    key = n8n.make_credential("openAiApi", {"apiKey": "k", "url": model.url})
    asked = {"promptType": "define", "text": "Do it."}
    chosen = {"model": {"__rl": True, "mode": "id", "value": "any"}}
    nodes = [
        node("Start", "n8n-nodes-base.manualTrigger", {}),
        node("Agent", "@n8n/n8n-nodes-langchain.agent", asked, typeVersion=2.2),
        node("Model", "@n8n/n8n-nodes-langchain.lmChatOpenAi", chosen, key, typeVersion=1.2),
        tool,
    ]
    links = {
        "Start": ("main", "Agent"),
        "Model": ("ai_languageModel", "Agent"),
        str(tool["name"]): ("ai_tool", "Agent"),
    }
    connections = {
        source: {kind: [[{"node": target, "type": kind, "index": 0}]]}
        for source, (kind, target) in links.items()
    }
    body = {"name": "Agent", "nodes": nodes, "connections": connections, "settings": {}}
    return str(n8n.call("POST", "/api/v1/workflows", json=body)["id"])

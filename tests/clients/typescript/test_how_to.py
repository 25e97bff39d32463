"""The page about the TypeScript client: its programs are checked by tsc, and run."""

import os
import shutil

import httpx2
import pytest
from tests.clients.python.test_receiving import BODY, SECRET, signed
from tests.contract.test_docs import DOCS, Reader, free_port, make_reader, reader  # noqa: F401
from tests.plugins import npm

PAGE = DOCS / "how-to/use-from-typescript.md"


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_the_page_runs(reader, installed, tools, run):  # noqa: F811
    shutil.copytree(installed / "node_modules", reader.folder / "node_modules")
    (reader.folder / "package.json").write_text('{"type": "module"}')
    node = npm.node_environment()["PATH"].split(os.pathsep)[0]
    reader.run(f"export PATH={node}:$PATH")
    reader.follow(PAGE)
    types = ["--types", "node", "--typeRoots", tools / "@types", "--target", "ES2022", "--lib", "ES2023"]
    options = ["--strict", "--skipDefaultLibCheck", "--noEmit", "--module", "NodeNext", *types]
    run("tsc", *options, "events.ts", "act.ts", "receiver.ts", cwd=reader.folder)

    port = free_port()
    receiver = reader.folder / "receiver.ts"
    receiver.write_text(receiver.read_text().replace("9000", str(port)))
    reader.start("receiver", f"SECRET={SECRET} node receiver.ts")
    with httpx2.Client(
        transport=httpx2.HTTPTransport(retries=5), base_url=f"http://127.0.0.1:{port}"
    ) as client:
        answers = [client.post("/", content=BODY, headers=signed()).status_code for _ in range(2)]
        answers.append(client.post("/", content=BODY, headers=signed() | {"webhook-id": "8"}).status_code)
    assert answers == [204, 204, 401]
    reader.await_output("receiver", "7 a.b")

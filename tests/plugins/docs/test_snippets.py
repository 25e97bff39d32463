"""The verification code on the pages: each language is tested with the trials of ``tests.contract.test_receivers``."""

import os
import shutil
import sys
from base64 import b64encode

import pytest
from tests import programs
from tests.contract.test_receivers import OTHER, SECRET, Trial, trials

from trunkline_docs.generator import generate
from trunkline_docs.pages import snippets

from .html import read
from .products import SHOP

SNIPPETS = {snippet.language: snippet for snippet in snippets()}
DRIVERS = {
    "python": (
        "driver.py",
        """
import base64, sys
from verify import verify
for line in sys.stdin:
    body, *rest = line.rstrip("\\n").split(" ")
    headers = {name: base64.b64decode(value).decode() for name, value in zip(rest[::2], rest[1::2])}
    try:
        print("genuine", verify(sys.argv[1], headers, base64.b64decode(body))["id"])
    except ValueError as refusal:
        print(refusal)
""",
    ),
    "javascript": (
        "driver.mjs",
        """
import { verify } from "./verify.js";
import { readFileSync } from "node:fs";
for (const line of readFileSync(0, "utf8").trimEnd().split("\\n")) {
  const [body, ...rest] = line.split(" ");
  const headers = {};
  for (let i = 0; i < rest.length; i += 2) headers[rest[i]] = Buffer.from(rest[i + 1], "base64").toString();
  try {
    console.log("genuine", verify(process.argv[2], headers, Buffer.from(body, "base64")).id);
  } catch (refusal) {
    console.log(refusal.message);
  }
}
""",
    ),
    "php": (
        "driver.php",
        """<?php
require "verify.php";
foreach (file("php://stdin", FILE_IGNORE_NEW_LINES) as $line) {
    $rest = explode(" ", $line);
    $body = array_shift($rest);
    $headers = [];
    foreach (array_chunk($rest, 2) as [$name, $value]) $headers[$name] = base64_decode($value);
    try {
        $id = verify($argv[1], $headers, base64_decode($body))["id"];
        echo "genuine $id\\n";
    } catch (RuntimeException $refusal) {
        echo $refusal->getMessage(), "\\n";
    }
}
""",
    ),
    "ruby": (
        "driver.rb",
        """
require "./verify.rb"
STDIN.each_line(chomp: true) do |line|
  body, *rest = line.split(/ /, -1)
  headers = rest.each_slice(2).to_h { |name, value| [name, value.unpack1("m").force_encoding("UTF-8")] }
  puts "genuine #{verify(ARGV[0], headers, body.unpack1("m"))["id"]}"
rescue RuntimeError => refusal
  puts refusal.message
end
""",
    ),
    "go": (
        "main.go",
        """
package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"os"
	"strings"

	"shown/webhooks"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		parts := strings.Split(lines.Text(), " ")
		headers := map[string]string{}
		for i := 1; i < len(parts); i += 2 {
			value, _ := base64.StdEncoding.DecodeString(parts[i+1])
			headers[parts[i]] = string(value)
		}
		body, _ := base64.StdEncoding.DecodeString(parts[0])
		event, refusal := webhooks.Verify(os.Args[1], func(name string) string { return headers[name] }, body)
		if refusal != nil {
			fmt.Println(refusal)
		} else {
			fmt.Println("genuine", event.ID)
		}
	}
}
""",
    ),
    "java": (
        "Driver.java",
        """
import java.io.*;
import java.util.*;

class Driver {
    public static void main(String[] arguments) throws Exception {
        var decoder = Base64.getDecoder();
        var lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] parts = line.split(" ", -1);
            var headers = new HashMap<String, String>();
            for (int i = 1; i < parts.length; i += 2) headers.put(parts[i], new String(decoder.decode(parts[i + 1]), "UTF-8"));
            try {
                Verify.verify(arguments[0], headers::get, decoder.decode(parts[0]));
                System.out.println("genuine 7");
            } catch (SecurityException refusal) {
                System.out.println(refusal.getMessage());
            }
        }
    }
}
""",
    ),
}
"""For each language a program that reads requests, one per line, and prints the result of the code for each."""
COMMANDS = {
    "python": [[sys.executable, "driver.py"]],
    "javascript": [["node", "driver.mjs"]],
    "php": [["php", "driver.php"]],
    "ruby": [["ruby", "driver.rb"]],
    "go": [["go", "run", "."]],
    "java": [["javac", "Driver.java", "Verify.java"], ["java", "Driver"]],
}
PACKAGES = {
    "javascript": "nodejs",
    "php": "php-cli",
    "ruby": "ruby",
    "go": "golang-go",
    "java": "default-jdk-headless",
}
TOO_LARGE = {"go", "java"}
"""Languages whose compilers have over 100 MB, so that the CI does not install them."""


def test_there_is_code_in_six_languages_on_the_pages_as_it_is_in_its_file():
    assert sorted(SNIPPETS) == sorted(DRIVERS)
    files = generate(SHOP)
    for path in ("verify.html", "order.placed.html"):
        text = read(files[path]).text
        assert all(snippet.text in text for snippet in SNIPPETS.values())
    for snippet in SNIPPETS.values():
        assert snippet.text.rstrip().encode() in files["verify.html.md"]


def line_of(trial: Trial) -> str:
    """Write a request on one line: its body, then each header with its value, in base64."""
    encoded = [b64encode(trial.body).decode()]
    for name, value in trial.headers.items():
        encoded += [name, b64encode(value.encode()).decode()]
    return " ".join(encoded)


@pytest.mark.slow
@pytest.mark.parametrize("language", sorted(DRIVERS))
def test_the_code_reads_what_is_genuine_and_says_why_it_refuses_all_else(language, tmp_path):
    program = COMMANDS[language][0][0]
    if shutil.which(program) is None and (language in TOO_LARGE or not os.environ.get("CI")):
        pytest.skip(f"there is no {program} here: Debian's package '{PACKAGES[language]}' brings it")
    snippet, (name, driver) = SNIPPETS[language], DRIVERS[language]
    (tmp_path / name).write_text(driver)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "go.mod").write_text("module shown\n")
    folder = tmp_path / "webhooks" if language == "go" else tmp_path
    folder.mkdir(exist_ok=True)
    (folder / snippet.file).write_text(snippet.text)
    tried = list(trials("standard", SECRET, OTHER))
    for command in (*COMMANDS[language][:-1], [*COMMANDS[language][-1], SECRET]):
        lines = "".join(f"{line_of(trial)}\n" for trial in tried)
        done = programs.run(*command, cwd=tmp_path, input=lines, timeout=120)
        assert (done.returncode, done.stderr) == (0, "")
    said = done.stdout.splitlines()
    assert len(said) == len(tried) > 30
    for trial, answer in zip(tried, said, strict=True):
        if trial.is_genuine:
            assert answer == "genuine 7", trial.name
        else:
            about_time = " time" in trial.name or trial.name == "nothing"
            wanted = "too old, or the clocks differ" if about_time else "not signed with our secret"
            assert answer == wanted, trial.name

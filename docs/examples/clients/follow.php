<?php
// Follows a hub's events for ever, from where it stopped. PHP 8.1 or newer, no packages.
//
//   HUB_URL=https://hub.example.com HUB_KEY=… php follow.php

declare(strict_types=1);

const CURSOR_FILE = 'cursor.txt';

function handle(array $event): void
{
    echo $event['id'], ' ', $event['type'], "\n";
}

function load_cursor(): string
{
    return is_file(CURSOR_FILE) ? file_get_contents(CURSOR_FILE) : '';
}

function save_cursor(string $cursor): void
{
    file_put_contents(CURSOR_FILE . '.new', $cursor);
    rename(CURSOR_FILE . '.new', CURSOR_FILE); // in one step: a crash leaves the old one or the new one
}

/** Gives the status (0 without an answer), the seconds to wait where the hub asks for it, and the decoded body. */
function next_page(string $cursor): array
{
    $query = http_build_query(['limit' => 200, 'wait' => 30, 'cursor' => $cursor]);
    $context = stream_context_create(['http' => [
        'header' => 'X-Api-Key: ' . getenv('HUB_KEY'),
        'timeout' => 60,
        'ignore_errors' => true, // read the body of an error too
    ]]);
    $body = @file_get_contents(getenv('HUB_URL') . "/api/v1/events?$query", false, $context);
    if ($body === false) {
        return [0, 5, ['detail' => 'the hub cannot be reached']];
    }
    $wait = 5;
    foreach ($http_response_header as $line) {
        if (preg_match('/^retry-after: *(\d+)/i', $line, $found)) {
            $wait = (int) $found[1];
        }
    }
    $status = (int) explode(' ', $http_response_header[0])[1];
    return [$status, $wait, json_decode($body, true) ?? ['detail' => "answered $status"]];
}

while (true) {
    [$status, $wait, $answer] = next_page(load_cursor());
    if ($status === 200) {
        foreach ($answer['events'] as $event) {
            handle($event);
        }
        save_cursor($answer['next_cursor']); // after the work: killed in between, we see this page again
        continue;
    }
    fwrite(STDERR, $answer['detail'] . "\n");
    if ($status >= 400 && $status < 500 && $status !== 429) {
        exit(1);
    }
    sleep($wait);
}

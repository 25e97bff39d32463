<?php
// Checks a webhook and reads its event, or throws. Nothing to install.
// $body is the raw body, file_get_contents('php://input'); header names are in lower case.

declare(strict_types=1);

const TOLERANCE_SECONDS = 300;

function verify(string $secret, array $headers, string $body): array
{
    $timestamp = $headers['webhook-timestamp'] ?? '';
    if (!ctype_digit($timestamp) || abs(time() - (int) $timestamp) > TOLERANCE_SECONDS) {
        throw new RuntimeException('too old, or the clocks differ');
    }
    $key = base64_decode(preg_replace('/^whsec_/', '', $secret));
    $content = ($headers['webhook-id'] ?? '') . ".$timestamp.$body";
    $expected = 'v1,' . base64_encode(hash_hmac('sha256', $content, $key, true));
    foreach (explode(' ', $headers['webhook-signature'] ?? '') as $given) {
        if (hash_equals($expected, $given)) {
            return json_decode($body, true, flags: JSON_THROW_ON_ERROR);
        }
    }
    throw new RuntimeException('not signed with our secret');
}

// Checks a webhook, or throws. Nothing to install. Read the event from the body with the JSON library that you have.
// header is request::getHeader, body the raw body.

import static java.nio.charset.StandardCharsets.UTF_8;

import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.Base64;
import java.util.Objects;
import java.util.function.UnaryOperator;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

public final class Verify {
    private static final int TOLERANCE_SECONDS = 300;

    public static void verify(String secret, UnaryOperator<String> header, byte[] body) throws GeneralSecurityException {
        String timestamp = Objects.requireNonNullElse(header.apply("webhook-timestamp"), "");
        if (!timestamp.matches("[0-9]{1,18}")
                || Math.abs(Instant.now().getEpochSecond() - Long.parseLong(timestamp)) > TOLERANCE_SECONDS) {
            throw new SecurityException("too old, or the clocks differ");
        }
        byte[] key = Base64.getDecoder().decode(secret.replaceFirst("^whsec_", ""));
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key, "HmacSHA256"));
        mac.update((header.apply("webhook-id") + "." + timestamp + ".").getBytes(UTF_8));
        byte[] expected = ("v1," + Base64.getEncoder().encodeToString(mac.doFinal(body))).getBytes(UTF_8);
        for (String given : Objects.requireNonNullElse(header.apply("webhook-signature"), "").split(" ")) {
            if (MessageDigest.isEqual(given.getBytes(UTF_8), expected)) {
                return;
            }
        }
        throw new SecurityException("not signed with our secret");
    }
}

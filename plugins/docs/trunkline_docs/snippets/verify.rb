# Checks a webhook and reads its event, or raises. No gems.
# body is the raw body, request.body.read; header names are in lower case.

require "json"
require "openssl"

TOLERANCE_SECONDS = 300

def verify(secret, headers, body)
  timestamp = headers["webhook-timestamp"].to_s
  unless timestamp.match?(/\A\d+\z/) && (Time.now.to_i - timestamp.to_i).abs <= TOLERANCE_SECONDS
    raise "too old, or the clocks differ"
  end

  key = secret.delete_prefix("whsec_").unpack1("m")
  content = "#{headers["webhook-id"]}.#{timestamp}.#{body}"
  expected = "v1," + [OpenSSL::HMAC.digest("SHA256", key, content)].pack("m0")
  given = headers["webhook-signature"].to_s.split
  raise "not signed with our secret" unless given.any? { |one| OpenSSL.secure_compare(one, expected) }

  JSON.parse(body)
end

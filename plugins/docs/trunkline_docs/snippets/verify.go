// Package webhooks checks a webhook and reads its event. Nothing to install.
package webhooks

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"
)

const toleranceSeconds = 300

// Event is what a webhook brings.
type Event struct {
	ID      int64           `json:"id"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload"`
}

// Verify gives the event, or an error. header is request.Header.Get, body the raw body.
func Verify(secret string, header func(string) string, body []byte) (event Event, err error) {
	timestamp := header("webhook-timestamp")
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	age := time.Now().Unix() - seconds
	if err != nil || age > toleranceSeconds || age < -toleranceSeconds {
		return event, errors.New("too old, or the clocks differ")
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return event, err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(header("webhook-id") + "." + timestamp + "."))
	mac.Write(body)
	expected := []byte("v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	for _, given := range strings.Fields(header("webhook-signature")) {
		if hmac.Equal([]byte(given), expected) {
			err = json.Unmarshal(body, &event)
			return event, err
		}
	}
	return event, errors.New("not signed with our secret")
}

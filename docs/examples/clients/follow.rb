# Follows a hub's events for ever, from where it stopped. Ruby 3.0 or newer, no gems.
#
#   HUB_URL=https://hub.example.com HUB_KEY=… ruby follow.rb

require "json"
require "net/http"

CURSOR_FILE = "cursor.txt"
$stdout.sync = true

class Refused < StandardError; end

def handle(event)
  puts "#{event["id"]} #{event["type"]}"
end

def load_cursor
  File.exist?(CURSOR_FILE) ? File.read(CURSOR_FILE) : ""
end

def save_cursor(cursor)
  File.write("#{CURSOR_FILE}.new", cursor)
  File.rename("#{CURSOR_FILE}.new", CURSOR_FILE) # in one step: a crash leaves the old one or the new one
end

# Gives the page, or nil after waiting where the hub is busy.
def next_page(cursor)
  uri = URI("#{ENV.fetch("HUB_URL")}/api/v1/events")
  uri.query = URI.encode_www_form(limit: 200, wait: 30, cursor: cursor)
  request = Net::HTTP::Get.new(uri, "X-Api-Key" => ENV.fetch("HUB_KEY"))
  answer = Net::HTTP.start(uri.host, uri.port, use_ssl: uri.scheme == "https", read_timeout: 60) do |http|
    http.request(request)
  end
  return JSON.parse(answer.body) if answer.is_a?(Net::HTTPSuccess)

  detail = JSON.parse(answer.body)["detail"] rescue "answered #{answer.code}"
  raise Refused, detail if answer.is_a?(Net::HTTPClientError) && answer.code != "429"

  warn detail
  sleep Integer(answer["retry-after"] || 5)
  nil
end

loop do
  page = next_page(load_cursor) or next
  page["events"].each { |event| handle(event) }
  save_cursor(page["next_cursor"]) # after the work: killed in between, we see this page again
rescue Refused => error
  abort error.message
rescue SystemCallError, Timeout::Error, EOFError => error
  warn error.message
  sleep 5
end

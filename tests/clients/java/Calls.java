import org.openapitools.client.*; import org.openapitools.client.api.*; import org.openapitools.client.model.*;
import java.util.*;
/** Calls a hub through the client that openapi-generator makes for Java, with either library. */
public class Calls {
  public static void main(String[] a) throws Exception {
    ApiClient c = Library.client(System.getenv("HUB"), System.getenv("KEY"));
    EventsApi events = new EventsApi(c);
    Map<String,Object> p = new HashMap<>(); p.put("payment_id", 3000000000L); p.put("invoice_id", 2); p.put("client_id", 3); p.put("payment_amount", 149999.99); p.put("payment_method", "card"); p.put("date_paid", "2026-01-28T10:30:00Z");
    Envelope e = events.emitEvent(new EventRequest().type(EventRequest.TypeEnum.PAYMENT_SUCCEEDED).payload(p), null, null, null);
    Long id = e.getId();
    try { events.emitEvent(new EventRequest().type(EventRequest.TypeEnum.PAYMENT_SUCCEEDED).payload(Map.of()), null, null, null); throw new Exception("taken"); }
    catch (ApiException x) { if (x.getCode() != 422) throw x; Problem q = Library.read(x.getResponseBody(), Problem.class); if (q.getErrors().isEmpty()) throw new Exception("no errors"); }
    String cursor = null; int n = 0; Object amount = null, big = null;
    for (;;) { EventPage page = events.listEvents(null, cursor, null, null, null, 2L, null, null, null); for (Envelope x : page.getEvents()) if (x.getId().equals(id)) { amount = x.getPayload().get("payment_amount"); big = x.getPayload().get("payment_id"); } n += page.getEvents().size(); cursor = page.getNextCursor(); if (page.getEvents().isEmpty()) break; }
    if (!Double.valueOf(149999.99).equals(amount) || ((Number) big).longValue() != 3000000000L) throw new Exception("digits " + amount);
    WebhooksApi hooks = new WebhooksApi(c);
    CreatedSubscription s = hooks.createWebhookSubscription(new CreateWebhookSubscription().targetUrl("https://example.com/java").eventTypes(List.of("*")), null, null, null);
    if (hooks.listWebhookSubscriptions(null, null, null, null, null).getSubscriptions().stream().noneMatch(x -> x.getId().equals(s.getId()))) throw new Exception("not listed");
    hooks.deleteWebhookSubscription(s.getId(), null, null, null);
    String email = "java" + System.nanoTime() + "@example.com";  // both libraries call one hub
    Long lead = new ActionsApi(c).createLead(new CreateLeadInput().firstName("Jane").lastName("Doe").email(email), null, null, null).getClientId();
    if (!new SearchesApi(c).findClient(email, null, null, null, null, null).getResults().get(0).getClientId().equals(lead)) throw new Exception("not found");
    ClientCreatedEvent w = Library.read("{\"id\":3000000000,\"type\":\"client.created\",\"createdUtc\":\"2026-01-28T10:30:00.000Z\",\"companyId\":92,\"payload\":{\"client_id\":3000000001,\"first_name\":\"Jane\",\"last_name\":\"Doe\",\"email\":\"a@b.example\",\"phone\":null,\"status\":\"x\",\"status_id\":1,\"created_date\":\"2026-01-28T10:30:00Z\"}}", ClientCreatedEvent.class);
    if (w.getPayload().getClientId() != 3000000001L) throw new Exception("webhook");
    System.out.println("ok");
  }
}

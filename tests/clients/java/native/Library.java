import org.openapitools.client.ApiClient;

class Library {
  static ApiClient client(String hub, String key) {
    ApiClient client = new ApiClient();
    client.updateBaseUri(hub);
    client.setRequestInterceptor(request -> request.header("X-Api-Key", key));
    return client;
  }

  static <T> T read(String text, Class<T> type) throws Exception {
    return new ApiClient().getObjectMapper().readValue(text, type);
  }
}

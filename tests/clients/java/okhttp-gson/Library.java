import org.openapitools.client.ApiClient;
import org.openapitools.client.JSON;

class Library {
  static ApiClient client(String hub, String key) {
    return new ApiClient().setBasePath(hub).addDefaultHeader("X-Api-Key", key);
  }

  static <T> T read(String text, Class<T> type) {
    return JSON.deserialize(text, type);
  }
}

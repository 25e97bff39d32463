"""How a receiver checks a webhook, in six languages. The pages show these files as they are; the tests run them."""

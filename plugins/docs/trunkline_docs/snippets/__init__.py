"""How a receiver checks a webhook, in four languages. The pages show these files as they are; the tests run them."""

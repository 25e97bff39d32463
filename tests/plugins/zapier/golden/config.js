module.exports = {
  API_URL: 'https://hub.tea.example',
  KEYS_URL: 'https://tea.example',
  PRODUCT: 'Tea & More',
  VERSIONS: '1',
};

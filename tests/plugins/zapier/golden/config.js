module.exports = {
  API_URL: 'https://hub.tea.example',
  PRODUCT: 'Tea & More',
  VERSIONS: '1',
};

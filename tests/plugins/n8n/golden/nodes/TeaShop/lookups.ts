import { loadFrom, searchIn, type Lookup } from '../shared/lookups';

const openShops: Lookup = {
	path: '/lookups/open-shops',
	items: 'shops',
	value: 'shop_id',
	label: 'name',
	pageSize: 50,
};

const openShopsWhereIsOpenTrue: Lookup = {
	path: '/lookups/open-shops',
	items: 'shops',
	value: 'shop_id',
	label: 'name',
	where: {
		is_open: true,
	},
	pageSize: 50,
};

const teaTypes: Lookup = {
	path: '/lookups/tea-types',
	items: 'types',
	value: 'code',
	label: 'label',
	searchable: true,
};

export const listSearch = {
	searchOpenShops: searchIn(openShops),
	searchOpenShopsWhereIsOpenTrue: searchIn(openShopsWhereIsOpenTrue),
};

export const loadOptions = {
	getTeaTypes: loadFrom(teaTypes),
};

import { loadFrom, searchIn, type Lookup } from '../shared/lookups';

const lookupOpenShops: Lookup = {
	path: '/lookups/open-shops',
	items: 'shops',
	value: 'shop_id',
	label: 'name',
	pageSize: 50,
};

const lookupOpenShopsWhereIsOpenTrue: Lookup = {
	path: '/lookups/open-shops',
	items: 'shops',
	value: 'shop_id',
	label: 'name',
	where: {
		is_open: true,
	},
	pageSize: 50,
};

const lookupTeaTypes: Lookup = {
	path: '/lookups/tea-types',
	items: 'types',
	value: 'code',
	label: 'label',
	searchable: true,
};

export const listSearch = {
	searchOpenShops: searchIn(lookupOpenShops),
	searchOpenShopsWhereIsOpenTrue: searchIn(lookupOpenShopsWhereIsOpenTrue),
};

export const loadOptions = {
	getTeaTypes: loadFrom(lookupTeaTypes),
};

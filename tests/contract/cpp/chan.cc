/* SPDX-License-Identifier: MIT */
/* chan.hpp: channels with a type. */
#include <memory>

#include "tests/contract/cpp/cpp.h"

namespace
{

/* Trivially copyable, and nothing more: it cannot be made from nothing, nor assigned to. */
struct value {
	explicit value(int n) : number(n)
	{
	}
	const int number;
	char more[40] = "more";
};

} // namespace

CPP_TEST(a_channel_is_a_range)
{
	for (size_t capacity : { 0, 1, 7 }) {
		peal::chan<value> chan(capacity);
		peal::scope scope;
		int sum = 0;

		scope.spawn(peal::pinned(1), [&] {
			for (int i = 1; i <= 100; i++)
				chan.send(value(i));
			chan.close();
		});
		for (const value &it : chan) {
			ck_assert_str_eq(it.more, "more");
			sum += it.number;
		}
		ck_assert_int_eq(sum, 5050);
		ck_assert(!chan.recv());
		EXPECT_THROW("EPIPE peal_chan_send", [&] { chan.send(value(0)); });
		EXPECT_THROW("EPIPE peal_chan_try_send", [&] { chan.try_send(value(0)); });
		scope.join();
	}
}

CPP_TEST(an_owner_travels)
{
	peal::chan<std::string *> chan(1);
	peal::scope scope;

	scope.spawn(peal::pinned(1),
		[&] { chan.send(std::make_unique<std::string>("text").release()); });

	std::unique_ptr<std::string> mine(chan.recv().value());

	ck_assert_str_eq(mine->c_str(), "text");
	scope.join();
}

CPP_TEST(full_and_empty_are_values)
{
	peal::chan<int> first(2);
	peal::chan<int> chan(std::move(first));

	ck_assert(!chan.try_recv());
	ck_assert(chan.try_send(1) && chan.try_send(2));
	ck_assert(!chan.try_send(3));
	ck_assert_uint_eq(chan.count(), 2);
	EXPECT_THROW("ETIMEDOUT peal_chan_send", [&] { peal::within(1ms, [&] { chan.send(3); }); });
	ck_assert_int_eq(chan.recv().value(), 1);
	chan.close();
	chan.close();
	ck_assert_int_eq(chan.try_recv().value(), 2);
	ck_assert(!chan.try_recv());
	ck_assert(!chan.recv());

	peal::chan<int> empty(0);

	EXPECT_THROW("ETIMEDOUT peal_chan_recv", [&] { peal::within(1ms, [&] { empty.recv(); }); });
}

CPP_TEST(the_first_of_several_is_chosen)
{
	peal::chan<int> numbers(1);
	peal::chan<char> letters(1);
	int number = 0;
	const char letter = 'x';
	peal_chan_case cases[] = { numbers.recv_case(number), letters.send_case(letter) };

	ck_assert_uint_eq(peal::select(cases), 1);
	peal::spawn(peal::pinned(1), [&] { numbers.send(7); });
	ck_assert_uint_eq(peal::select(cases), 0);
	ck_assert_int_eq(number, 7);
	ck_assert_int_eq(letters.recv().value(), 'x');
	letters.close();
	ck_assert_uint_eq(peal::select(cases), 1);
	ck_assert_int_eq(cases[1].result, -EPIPE);
}

void add_chan_tests(Suite *suite)
{
	TCase *tcase = tcase_create("chan");

	ADD_TASK_TEST(tcase, a_channel_is_a_range);
	ADD_TASK_TEST(tcase, an_owner_travels);
	ADD_TASK_TEST(tcase, full_and_empty_are_values);
	ADD_TASK_TEST(tcase, the_first_of_several_is_chosen);
	suite_add_tcase(suite, tcase);
}

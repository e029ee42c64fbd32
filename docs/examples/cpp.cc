/* SPDX-License-Identifier: MIT */
/*
 * The same in C++: parts of a sum as lambdas that any shard may take, a channel between two tasks, a
 * deadline, and an exception that crosses a join.
 *
 * Prints:
 *	1279999200000
 *	got one, got two
 *	slow: Connection timed out
 *	caught: part 3 is broken
 */
#include <array>
#include <iostream>
#include <numeric>
#include <stdexcept>
#include <string>

#include <peal/peal.hpp>

using namespace std::chrono_literals;

static long add_up()
{
	std::array<long, 16> sums{};
	peal::scope scope;

	for (long i = 0; i < 16; i++)
		scope.spawn(peal::stealable.named("add_up"), [i, &sum = sums[i]] {
			for (long n = i * 100000; n < (i + 1) * 100000; n++)
				sum += n;
		});
	scope.join();
	return std::accumulate(sums.begin(), sums.end(), 0L);
}

/* What trivially copyable values travel through; of strings their owner does. */
static std::string talk()
{
	peal::chan<std::string *> words(4);
	std::string heard;
	peal::scope scope;

	scope.spawn([&] {
		for (const char *word : { "one", "two" })
			words.send(std::make_unique<std::string>(word).release());
		words.close();
	});
	for (std::string *word : words) {
		std::unique_ptr<std::string> mine(word);

		heard += (heard.empty() ? "got " : ", got ") + *mine;
	}
	scope.join();
	return heard;
}

static void too_slow()
{
	peal::scope scope{ peal::within(5ms) };

	for (int i = 0; i < 4; i++)
		scope.spawn([] { peal::sleep(1h); });
	try {
		scope.join();
	} catch (const peal::error &e) {
		std::cout << "slow: " << e.code().message() << '\n';
	}
}

static void broken(int part)
{
	peal::task check{ peal::stealable, [part]() -> int {
				 if (part == 3)
					 throw std::runtime_error("part 3 is broken");
				 return part;
			 } };

	check.join();
}

int main()
try {
	return peal::run([] {
		std::cout << add_up() << '\n' << talk() << '\n';
		too_slow();
		broken(2);
		broken(3);
		return 1;
	});
} catch (const std::exception &e) {
	std::cout << "caught: " << e.what() << '\n';
}

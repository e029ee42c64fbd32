/* SPDX-License-Identifier: MIT */
/*
 * Ports in C++: requests from threads that are no shard, answered by fibers. port.h tells about them.
 *
 *	peal::port port(runtime.native());
 *	runtime.spawn([&] {
 *		while (peal_request *request = port.recv())
 *			peal::reply(request, answer, size);
 *	});
 *
 *	peal::port_client client(port);                        // on any thread
 *	size_t n = client.call(question, size, answer, sizeof(answer), 1s);
 */
#ifndef PEAL_PORT_HPP
#define PEAL_PORT_HPP

#include <peal/error.hpp>
#include <peal/port.h>

namespace peal
{

/* Closed when it is destroyed, which must be while its runtime exists. */
class port
{
      public:
	/* Throws the errors of peal_port_open(). */
	explicit port(struct peal_rt *rt, peal_port_opts opts = {})
	{
		opts.size = sizeof(opts);
		check(peal_port_open(&port_, rt, &opts), "peal_port_open");
	}

	port(const port &) = delete;
	port &operator=(const port &) = delete;

	~port()
	{
		close();
	}

	/* No more requests: recv() gives nullptr, and calls -ESHUTDOWN. Again does nothing. Any thread. */
	void close() noexcept
	{
		peal_port_close(port_);
	}

	/* The oldest request, to be replied to once; nullptr when the port is closed. Throws
	 * -EPERM, -ECANCELED, -ETIMEDOUT. Suspends. */
	struct peal_request *recv()
	{
		struct peal_request *request = nullptr;
		const int result = peal_port_recv(port_, &request);

		if (result != -ESHUTDOWN)
			check(result, "peal_port_recv");
		return request;
	}

	struct peal_port *native() const noexcept
	{
		return port_;
	}

      private:
	struct peal_port *port_ = nullptr;
};

/* Reply, exactly once; false when nobody waits any more. Throws -EMSGSIZE. Any thread. */
inline bool reply(struct peal_request *request, const void *data, size_t size)
{
	const int result = peal_port_reply(request, 0, data, size);

	return result != -ECANCELED && check(result, "peal_port_reply") == 0;
}

/* The same with a negative errno in place of data: it is what the call throws. */
inline bool refuse(struct peal_request *request, int result)
{
	return peal_port_reply(request, result, nullptr, 0) == 0;
}

/* Any thread; threads may share one. */
class port_client
{
      public:
	/* Throws the errors of peal_port_connect(). */
	explicit port_client(struct peal_port *port)
	{
		check(peal_port_connect(&client_, port), "peal_port_connect");
	}

	explicit port_client(const port &port) : port_client(port.native())
	{
	}

	port_client(const port_client &) = delete;
	port_client &operator=(const port_client &) = delete;

	~port_client()
	{
		peal_port_disconnect(client_);
	}

	/* Send a request, wait for its reply, and return how many bytes that has: peal_port_call(),
	 * whose errors it throws. Blocks, or suspends. */
	size_t call(const void *request, size_t size, void *reply, size_t room)
	{
		return call_until(request, size, reply, room, PEAL_NEVER);
	}

	template <class Rep, class Period>
	size_t call(const void *request, size_t size, void *reply, size_t room,
		std::chrono::duration<Rep, Period> patience)
	{
		return call_until(request, size, reply, room, peal_in(nanoseconds(patience)));
	}

	struct peal_port_client *native() const noexcept
	{
		return client_;
	}

      private:
	size_t call_until(const void *request, size_t size, void *reply, size_t room, int64_t until)
	{
		return static_cast<size_t>(
			check(peal_port_call(client_, request, size, reply, room, until),
				"peal_port_call"));
	}

	struct peal_port_client *client_ = nullptr;
};

} // namespace peal

#endif

/*
 * base_address.c - tests of base/address.h: text to addresses and back, and which are the same.
 */
#include "base/address.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <string.h>

static struct address parsed(const char *text)
{
    struct address address;

    test_note("parse %s", text);
    assert_int_equal(address_parse(text, 2049, &address), 0);
    return address;
}

TEST(an_address_is_read_as_it_is_written)
{
    static const struct {
        const char *text, *with_port, *without;
    } rows[] = {
        {"192.0.2.1", "192.0.2.1:2049", "192.0.2.1"},
        {"192.0.2.1:111", "192.0.2.1:111", "192.0.2.1"},
        {"0.0.0.0:0", "0.0.0.0:0", "0.0.0.0"},
        {"::1", "[::1]:2049", "[::1]"},
        {"[2001:db8::7]", "[2001:db8::7]:2049", "[2001:db8::7]"},
        {"[2001:db8::7]:65535", "[2001:db8::7]:65535", "[2001:db8::7]"},
    };
    char text[ADDRESS_TEXT_MAX];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct address address = parsed(rows[i].text);
        assert_string_equal(address_format(&address, true, text), rows[i].with_port);
        assert_string_equal(address_format(&address, false, text), rows[i].without);
    }
}

TEST(what_is_no_address_is_refused)
{
    static const char *const texts[] = {
        "",          "localhost",    "1.2.3",  "1.2.3.4:",    "1.2.3.4:65536", "1.2.3.4:-1",
        "1.2.3.4:x", "1.2.3.4:1 ",   "[::1",   "::1]",        "[::1]x",        "[::1]:",
        "[1.2.3.4]", "1.2.3.4.5:80", ":2049",  "[]:2049",     "1.2.3.4:80:80", " 1.2.3.4",
        "1.2.3.256", "[::1]:99999",  "[:::1]", "2001:db8::g",
    };
    struct address address;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        test_note("parse '%s'", texts[i]);
        assert_int_equal(address_parse(texts[i], 2049, &address), EINVAL);
    }
}

TEST(a_mapped_address_is_the_ipv4_address_it_holds)
{
    struct address mapped = parsed("[::ffff:192.0.2.9]:700");
    struct address plain = parsed("192.0.2.9:800");
    size_t len;

    address_normalize(&mapped);
    assert_int_equal(mapped.any.sa_family, AF_INET);
    assert_int_equal(address_port(&mapped), 700);
    assert_true(address_same_host(&mapped, &plain));
    assert_memory_equal(address_bytes(&mapped, &len), "\xc0\x00\x02\x09", 4);
    assert_int_equal(len, 4);
    assert_int_equal(address_len(&mapped), sizeof(struct sockaddr_in));
}

TEST(hosts_are_compared_without_their_ports)
{
    struct address a = parsed("[2001:db8::1]:1");
    struct address b = parsed("[2001:db8::1]:2");
    struct address c = parsed("[2001:db8::2]:1");
    struct address d = parsed("192.0.2.1");

    assert_true(address_same_host(&a, &b));
    assert_false(address_same_host(&a, &c));
    assert_false(address_same_host(&a, &d));
    address_set_port(&d, 77);
    assert_int_equal(address_port(&d), 77);
}

TEST(the_hosts_own_addresses_are_known)
{
    static const char *const own[] = {"127.0.0.1", "127.9.9.9", "::1"};
    struct address address;

    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        address = parsed(own[i]);
        assert_true(address_is_loopback(&address));
        assert_true(address_is_own(&address));
    }
    /* Of the blocks for documentation (RFC 5737, RFC 3849): nobody's. */
    address = parsed("192.0.2.200");
    assert_false(address_is_loopback(&address));
    assert_false(address_is_own(&address));
    address = parsed("2001:db8::200");
    assert_false(address_is_own(&address));
}

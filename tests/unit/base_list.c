/*
 * base_list.c - tests of base/list.h.
 */
#include "base/list.h"
#include "tests/lib/test.h"

struct item {
    int number;
    struct list link;
};

TEST(a_list_keeps_the_order_of_appending)
{
    struct list head = LIST_INIT(head);
    struct item items[4];
    struct list *pos;
    int expected = 0;

    assert_true(list_empty(&head));
    for (int i = 0; i < 4; i++) {
        items[i].number = i;
        list_append(&head, &items[i].link);
    }
    list_for_each (pos, &head)
        assert_int_equal(list_entry(pos, struct item, link)->number, expected++);
    assert_int_equal(expected, 4);
    for (int i = 0; i < 4; i++)
        assert_ptr_equal(list_pop(&head), &items[i].link);
    assert_null(list_pop(&head));
}

TEST(an_element_can_be_removed_twice_and_while_walking)
{
    struct list head;
    struct item items[5];
    struct list *pos, *tmp;
    int left = 0;

    list_init(&head);
    for (int i = 0; i < 5; i++) {
        items[i].number = i;
        list_append(&head, &items[i].link);
    }
    list_for_each_safe (pos, tmp, &head) {
        if (list_entry(pos, struct item, link)->number % 2 == 0) {
            list_remove(pos);
            list_remove(pos);
        }
    }
    list_for_each (pos, &head) {
        assert_int_equal(list_entry(pos, struct item, link)->number % 2, 1);
        left++;
    }
    assert_int_equal(left, 2);
}

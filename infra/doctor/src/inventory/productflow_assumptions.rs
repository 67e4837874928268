//! The assumptions about ProductFlow, in the order of its contract.

use super::{Assumption, PRODUCTFLOW_ORDERS, PRODUCTFLOW_TRANSPORT, PRODUCTFLOW_WIRE, SETTINGS};

pub(super) const PRODUCTFLOW_ASSUMPTIONS: &[Assumption] = &[
    Assumption::known("pf-access", "Transport")
        .says("Token and company go together: `GET marketplace` answers 2xx with JSON.")
        .stands_in(PRODUCTFLOW_TRANSPORT, "Client::test_connection")
        .decided_by_reading("That call.")
        .remedy("Make a new token in ProductFlow (profile → API) and check the company's number there. If orders can be read all the same, change `test_connection`."),
    Assumption::assumed("pf-envelope", "Transport")
        .says("A list is `{data, links, meta}`, the same keys at the top level, or a bare array.")
        .stands_in(PRODUCTFLOW_WIRE, "read_list_envelope")
        .decided_by_reading("The keys of a list of orders.")
        .remedy("Change `read_list_envelope` to the keys that were found; until then nothing is read."),
    Assumption::known("pf-paging", "Transport")
        .says("`page` counts from 1 and `per_page` says how many.")
        .stands_in(PRODUCTFLOW_ORDERS, "Client::read_order_list_page")
        .decided_by_reading("The second page of one row, against the first page of fifty.")
        .remedy("Change the query of `read_list_envelope`: a page that never changes would be read again and again."),
    Assumption::assumed("pf-sort", "Orders")
        .says("`sort[0]=-updated_at` puts the latest update first.")
        .stands_in(PRODUCTFLOW_ORDERS, "Client::read_order_list_page")
        .decided_by_reading("The order of `updated_at` on the first sorted page.")
        .remedy("Nothing has to be changed: the poll notices, and reads the whole list then. With many orders ask ProductFlow for a column that sorts, and change the query."),
    Assumption::known("pf-status-filter", "Orders")
        .says("`status[]=` lists only orders of that status.")
        .stands_in(PRODUCTFLOW_ORDERS, "Client::read_order_list_page_of_status")
        .decided_by_reading("A page of one status that was seen.")
        .remedy("Nothing has to be changed: every order's own status is looked at. Catching up takes longer."),
    Assumption::assumed("pf-all-statuses", "Orders")
        .says("Without `status[]` the list holds orders of every status.")
        .stands_in(PRODUCTFLOW_ORDERS, "Client::read_order_list_page")
        .decided_by_reading("The statuses on the first page; if there is only `open`, a page of `status[]=shipped`.")
        .remedy("Change `read_list_envelope` to name every status (`orders_of_status`): orders that are shipped or cancelled between two polls would be missed."),
    Assumption::assumed("pf-list-rows", "Orders")
        .says("An order of the list has the same fields as the order itself.")
        .stands_in(PRODUCTFLOW_WIRE, "RawOrder")
        .decided_by_reading("The fields of both.")
        .remedy("Orders are always asked for before anything is booked; the preview and the state of the poll need `status`, `updated_at` and `placed_at` in the list."),
    Assumption::assumed("pf-order-envelope", "Orders")
        .says("One order stands under `data`.")
        .stands_in(PRODUCTFLOW_WIRE, "read_order_envelope")
        .decided_by_reading("The keys of one order's answer.")
        .remedy("Change `read_order_envelope`."),
    Assumption::assumed("pf-identifier", "Orders")
        .says("`identifier` is the key of an order, and `GET order/{identifier}` gives that order.")
        .stands_in(PRODUCTFLOW_WIRE, "RawOrder::identifier")
        .decided_by_reading("The field, and one order asked for by it.")
        .remedy("Change `RawOrder::identifier` to the field that was found."),
    Assumption::assumed("pf-status", "Orders")
        .says("`status` is a word.")
        .stands_in(PRODUCTFLOW_WIRE, "parse_status")
        .decided_by_reading("The field.")
        .remedy("Change `status` to the field that was found."),
    Assumption::assumed("pf-status-words", "Orders")
        .says("The words of `status` are `open`, `accepted`, `shipped`, `cancelled` or `canceled`, or set as `status_words`.")
        .stands_in(SETTINGS, "StatusWords")
        .decided_by_reading("The words seen, against the defaults and the connection's `status_words`.")
        .remedy("Set `status_words` of the connection: add each unknown word to `open`, `shipped` or `cancelled`. Until then orders with it are left alone and reported."),
    Assumption::assumed("pf-external-identifier", "Orders")
        .says("`external_identifier` is the marketplace's number.")
        .stands_in(PRODUCTFLOW_WIRE, "parse_order_fields")
        .decided_by_reading("The field.")
        .remedy("Change the name in `read` and `order`; until then references show only ProductFlow's key."),
    Assumption::assumed("pf-marketplace", "Orders")
        .says("`marketplace` is a name, or an object with `name`.")
        .stands_in(PRODUCTFLOW_WIRE, "parse_order_fields")
        .decided_by_reading("The field.")
        .remedy("Change `marketplace` in `order`; only texts use it."),
    Assumption::assumed("pf-currency", "Orders")
        .says("`currency_code` is a code such as EUR; missing means EUR.")
        .stands_in(PRODUCTFLOW_WIRE, "parse_order_fields")
        .decided_by_reading("The field.")
        .remedy("Change `currency` in `order`: an order in another currency would be booked as euros."),
    Assumption::assumed("pf-placed-at", "Orders")
        .says("`placed_at` is a time as text.")
        .stands_in(PRODUCTFLOW_WIRE, "RawOrder::placed_at")
        .decided_by_reading("The field and its format.")
        .remedy("Change `RawOrder::placed_at` and `timestamp`; until then no order can be read."),
    Assumption::assumed("pf-updated-at", "Orders")
        .says("`updated_at` is a time as text.")
        .stands_in(PRODUCTFLOW_WIRE, "RawOrder::updated_at")
        .decided_by_reading("The field and its format.")
        .remedy("Change `RawOrder::updated_at`; until then changes are noticed only by the digest of the order."),
    Assumption::assumed("pf-shipped-at", "Orders")
        .says("`shipped_at` is a time as text once an order is shipped.")
        .stands_in(PRODUCTFLOW_WIRE, "parse_order_fields")
        .decided_by_reading("The field of shipped orders.")
        .remedy("Change `shipped_at` in `order`; until then the invoice's date is the day on which the shipment was seen."),
    Assumption::assumed("pf-timezone", "Orders")
        .says("A time without an offset is Europe/Amsterdam.")
        .stands_in(PRODUCTFLOW_WIRE, "parse_timestamp")
        .decided_by_reading("Whether times carry an offset; if not, the known order's moment, or a time that would lie in the future.")
        .remedy("Change the zone in `timestamp`: invoices around midnight would have the wrong date."),
    Assumption::assumed("pf-costs", "Orders")
        .says("Costs are `shipping_cost`, `transaction_price` and `additional_price`, a discount is `discount_price`.")
        .stands_in(PRODUCTFLOW_WIRE, "parse_costs")
        .decided_by_reading("The fields, with others that could mean the same.")
        .remedy("Change `costs` to the fields that were found; until then they are missing on invoices."),
    Assumption::assumed("pf-customer", "Orders")
        .says("`billing_customer` and `shipping_customer` are objects with `country_code`, `company_name` and `vat_number`.")
        .stands_in(PRODUCTFLOW_WIRE, "parse_order_fields")
        .decided_by_reading("The names of the fields, never their values.")
        .remedy("Change `order`: until then businesses and other countries are not noticed."),
    Assumption::assumed("pf-lines", "Orders")
        .says("`lines` is a list with at least one line, unless the order is cancelled.")
        .stands_in(PRODUCTFLOW_WIRE, "parse_lines")
        .decided_by_reading("The field.")
        .remedy("Change `lines` to the field that was found; until then no order can be read."),
    Assumption::assumed("pf-line-id", "Orders")
        .says("A line's `id` is unique within its order.")
        .stands_in(PRODUCTFLOW_WIRE, "parse_line")
        .decided_by_reading("The field.")
        .remedy("Change `id` in `line`: choices that the merchant makes per line hang on it. Without it lines are numbered."),
    Assumption::assumed("pf-line-sku", "Orders")
        .says("A line's `sku` is the article number; it may be absent.")
        .stands_in(PRODUCTFLOW_WIRE, "parse_line")
        .decided_by_reading("The field.")
        .remedy("Change `sku` in `line`; until then no article is found."),
    Assumption::assumed("pf-line-title", "Orders")
        .says("A line's `title` is what was sold.")
        .stands_in(PRODUCTFLOW_WIRE, "parse_line")
        .decided_by_reading("The field.")
        .remedy("Change `title` in `line`; until then invoices show the article number."),
    Assumption::assumed("pf-line-quantity", "Orders")
        .says("A line's `quantity` is a whole number of at least 1, possibly as text.")
        .stands_in(PRODUCTFLOW_WIRE, "parse_quantity")
        .decided_by_reading("The field.")
        .remedy("Change `quantity`; until then no order can be read."),
    Assumption::assumed("pf-line-price-field", "Orders")
        .says("A line has a `price`, a number or a text that is one.")
        .stands_in(PRODUCTFLOW_WIRE, "parse_line")
        .decided_by_reading("The field.")
        .remedy("Change `price` in `line` to the field that was found, and check again what it means."),
    Assumption::assumed("pf-vat-code", "Orders")
        .says("A line's `parse_vat_code` is what the merchant typed into ProductFlow's VAT group.")
        .stands_in(PRODUCTFLOW_WIRE, "parse_line")
        .decided_by_reading("The field, with others that could mean the same, and how many of the codes are ids of Robaws tariffs.")
        .remedy("Change `parse_vat_code` in `line` to the field that was found; until then the merchant chooses the tariff of every line by hand."),
    Assumption::assumed("pf-fbm", "Orders")
        .says("A line's `fbm` says whether the marketplace ships it from its own stock.")
        .stands_in(PRODUCTFLOW_WIRE, "parse_line")
        .decided_by_reading("The field, with others that could mean the same.")
        .remedy("Change `fbm` in `line`: until then such lines take stock out of the merchant's own location."),
    Assumption::assumed("pf-order-amounts", "Orders")
        .says("Amounts are in the unit that `order_amounts` says: cents.")
        .stands_in(SETTINGS, "OrderAmounts")
        .decided_by_reading("The known order's total against the sum of its fields; without one, whether any amount has decimals.")
        .remedy("Set `order_amounts` of the connection to the other unit (`cents` or `euros`) BEFORE it is activated: invoices would be wrong by a factor of 100."),
    Assumption::assumed("pf-line-price", "Orders")
        .says("A line's `price` is what `line_price` says: the total of the line.")
        .stands_in(SETTINGS, "LinePrice")
        .decided_by_reading("The known order's total, or an order's own total, against the sum of its fields; needs a line of several pieces.")
        .remedy("Set `line_price` of the connection to the other meaning (`total` or `unit`) BEFORE it is activated."),
    Assumption::assumed("pf-vat-inclusive", "Orders")
        .says("Amounts include VAT.")
        .stands_in(PRODUCTFLOW_WIRE, "parse_amount")
        .decided_by_reading("The known order's total, or an order's own total, against the sum of its fields with and without the VAT of its codes' tariffs in Robaws.")
        .remedy("Do not activate: there is no setting for amounts without VAT; `line` and `costs` must add it."),
    Assumption::assumed("pf-costs-sum", "Orders")
        .says("An order comes to its lines plus its costs less its discount.")
        .stands_in(PRODUCTFLOW_WIRE, "parse_costs")
        .decided_by_reading("The same totals against the sum with the discount added or left out, and without costs.")
        .remedy("Change `costs`: every order with costs or a discount would come to a wrong total."),
    Assumption::assumed("pf-total", "Orders")
        .says("`total`, `total_price` or `grand_total` is the order's own total, in the same unit.")
        .stands_in(PRODUCTFLOW_WIRE, "parse_total")
        .decided_by_reading("The field, with others that could mean the same, against the sum of the order.")
        .remedy("Change the names in `total`: an order whose total does not fit its lines is refused."),
    Assumption::assumed("pf-not-found", "Transport")
        .says("An order that there is not is 404.")
        .stands_in(PRODUCTFLOW_TRANSPORT, "read_answer")
        .decided_by_reading("An order that can't exist.")
        .remedy("Change `answer` in `transport.rs`: orders that ProductFlow removed would otherwise be asked for again and again."),
    Assumption::assumed("pf-bad-token", "Transport")
        .says("A bad token is 401, a redirect, or a page instead of JSON.")
        .stands_in(PRODUCTFLOW_TRANSPORT, "read_answer")
        .decided_by_reading("One call with a token that is none.")
        .remedy("Change `answer` in `transport.rs`: a revoked token would not be noticed as one."),
    Assumption::assumed("pf-wrong-company", "Transport")
        .says("A company that the token does not reach is 403 or 404, or treated as a bad token.")
        .stands_in(PRODUCTFLOW_TRANSPORT, "read_answer")
        .decided_by_reading("One call with company 0.")
        .remedy("Change `answer` in `transport.rs`. If such a call succeeds, the company number is not looked at: make sure that the token reaches this company alone."),
    Assumption::assumed("pf-rejections", "Transport")
        .says("422 carries `message` and `errors`, 429 `Retry-After`.")
        .stands_in(PRODUCTFLOW_TRANSPORT, "read_answer")
        .decided_by_hand("only a faulty write or too many calls show it", "Nothing is to be done: only the status counts; a message that is not found is left out.")
        .remedy(""),
    Assumption::assumed("pf-rate-headers", "Transport")
        .says("Where there is a limit, `X-RateLimit-Limit` and `X-RateLimit-Remaining` tell it.")
        .stands_in(PRODUCTFLOW_TRANSPORT, "Client::learn_from_answer")
        .decided_by_reading("The names of the headers that speak of a limit.")
        .remedy("Change the name in `learn`; until then calls are not paced, and a 429 is waited out."),
    Assumption::assumed("pf-description", "Products")
        .says("A product has a `description`.")
        .stands_in(PRODUCTFLOW_WIRE, "product_form")
        .decided_by_reading("The fields of one product, with others that could mean the same.")
        .remedy("Change `product_form` to the field that was found; until then ProductFlow gets no descriptions, or refuses products."),
    Assumption::assumed("pf-offer-replaces", "Products")
        .says("The whole set of fields goes out every time, since those left out may be cleared.")
        .stands_in(PRODUCTFLOW_WIRE, "offer_form")
        .decided_by_hand("only a write shows it", "Send an article, edit its offer in ProductFlow, send it again: only what the connector owns may change.")
        .remedy(""),
    Assumption::assumed("pf-offer-stock", "Products")
        .says("ProductFlow does not take its own open orders off the stock of an offer.")
        .stands_in(PRODUCTFLOW_WIRE, "offer_form")
        .decided_by_reading("`qty_available` against what was sent last, and `qty_sellable` against `qty_available`, of an article with open orders.")
        .remedy("Ask ProductFlow to switch its reservation off for this company; else each open order counts twice until it is shipped, and offers sell out early."),
];

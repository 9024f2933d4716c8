//! Numbers of the simulated carrier, and sheets of people who have them.

use model::E164;

/// The `n`th number that the profile `demo` lets be called.
pub fn number(n: u32) -> E164 {
    assert!(n < 10_000, "the profile demo knows 10,000 Russian numbers");
    format!("+7900555{n:04}").parse().unwrap()
}

/// A sheet with one person for each number, by the identifier `P` and the number's last four digits.
pub fn sheet(numbers: impl IntoIterator<Item = u32>) -> String {
    let mut sheet = "id;ФИО;Телефон;Город;Сумма;Товар\n".to_owned();
    for n in numbers {
        let phone = number(n);
        sheet.push_str(&format!(
            "P{n:04};Человек {n};{phone};Москва;{n},50;чайник {n}\n"
        ));
    }
    sheet
}
